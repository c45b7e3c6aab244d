"""AdditiveAttention: attention with tanh of a sum as score."""

from typing import Any

import jax
import jax.numpy as jnp

from nnlib.layers.attention import Attention
from nnlib.layers.checks import known_size


class AdditiveAttention(Attention):
    r"""`softmax(sum(scale * tanh(query + key))) @ value`, the sum over the features.

    Args:
        use_scale: whether scale is a trained vector; else it is 1.
        dropout: the probability that a weight is dropped while training, from 0 to 1.
        kwargs: `seed`, as for Attention, and name, trainable, dtype.

    Call arguments:
        mask: as for Attention, as are `return_attention_scores` and `use_causal_mask`.

    Input shape:
        A list: query (batch, queries, features), value (batch, keys, features), and key (batch,
        keys, features); the value itself if there is no key.

    Output shape:
        (batch, queries, size of the values), with the mask of the queries.

    Raises:
        ShapeError: if the inputs are not such a list, or do not fit each other.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> query, value = jnp.zeros((1, 2, 1)), jnp.array([[[2.0], [2.0]]])
    >>> nn.layers.AdditiveAttention()([query, value]).tolist()
    [[[2.0], [2.0]]]

    Source: Bahdanau et al., ICLR 2015.
    """

    def __init__(self, use_scale: bool = True, dropout: float = 0.0, **kwargs: Any):
        super().__init__(use_scale, dropout=dropout, **kwargs)

    def build(self, inputs: Any) -> None:
        query, *_ = self._three(inputs)
        if self.use_scale:
            size = known_size(self, query, query.ndim - 1)
            self.scale = self.add_weight((size,), "glorot_uniform")

    def scores(self, query: jax.Array, key: jax.Array) -> jax.Array:
        """(batch, queries, keys): how well they match."""
        pairs = jnp.tanh(query[..., :, None, :] + key[..., None, :, :])
        if self.use_scale:
            return jnp.matmul(pairs, self.scale)
        return jnp.sum(pairs, -1)
