"""Attention: for each query, a mean of the values, weighted by how its key matches."""

from typing import Any

import jax
import jax.numpy as jnp

from nnlib.core.errors import ArgumentError, ShapeError
from nnlib.core.layer import Layer
from nnlib.core.specs import concrete_dims, is_arraylike
from nnlib.layers.checks import fraction, one_of, place_of
from nnlib.layers.dropout import checked_seed, seeded
from nnlib.ops.attention import causal_mask
from nnlib.ops.dropout import dropout as drop


class Attention(Layer):
    r"""`softmax(scores(query, key)) @ value`; scores are `query @ key^T` for "dot".

    For "concat" they are `w * sum(tanh(query + key))` over the features, with a trained number w.

    Args:
        use_scale: whether a trained number multiplies the scores ("dot"), or the sum within tanh
            ("concat").
        score_mode: "dot" or "concat".
        dropout: the probability that a weight is dropped while training, from 0 to 1.
        seed: an integer mixed into the key of the draws.

    Call arguments:
        mask: `[query mask, value mask]`, each (batch, steps) or None, True where a step counts.
            Values that do not count get no weight, queries that do not count a 0.
        return_attention_scores: whether the weights, after dropout, are returned too: (batch,
            queries, keys).
        use_causal_mask: whether query i sees keys up to i alone.

    Input shape:
        A list: query (batch, queries, features), value (batch, keys, size), and key (batch, keys,
        features); the value itself if there is no key.

    Output shape:
        (batch, queries, size), with the mask of the queries.

    Raises:
        ShapeError: if the inputs are not such a list, or do not fit each other.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> query, value = jnp.zeros((1, 2, 1)), jnp.array([[[1.0], [3.0]]])
    >>> nn.layers.Attention()([query, value]).tolist()
    [[[2.0], [2.0]]]

    Source: Luong et al., EMNLP 2015.
    """

    supports_masking = True
    scale: jax.Array
    concat_score_weight: jax.Array

    def __init__(
        self,
        use_scale: bool = False,
        score_mode: str = "dot",
        dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        own = type(self).__name__
        self.use_scale = bool(use_scale)
        self.score_mode = one_of(own, "score_mode", score_mode, ("dot", "concat"))
        self.dropout = fraction(own, "dropout", dropout)
        self.seed = checked_seed(own, seed)

    def build(self, inputs: Any) -> None:
        self._three(inputs)
        if self.use_scale:
            self.scale = self.add_weight((), "ones")
        if self.score_mode == "concat":
            self.concat_score_weight = self.add_weight((), "ones")

    def call(
        self,
        inputs: Any,
        mask: Any = None,
        training: bool = False,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:
        query, value, key = self._three(inputs)
        query_mask, value_mask = self._two(mask)
        scores = self.scores(query, key)
        weights = self._weights(scores, value_mask, use_causal_mask).astype(value.dtype)
        if training and self.dropout:
            weights = drop(weights, seeded(self.next_key(), self.seed), self.dropout)
        y = jnp.matmul(weights, value)
        if query_mask is not None:
            y = jnp.where(query_mask[..., None], y, 0)
        return (y, weights) if return_attention_scores else y

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The mask of the queries."""
        return self._two(mask)[0]

    def scores(self, query: jax.Array, key: jax.Array) -> jax.Array:
        """(batch, queries, keys): how well they match."""
        if self.score_mode == "dot":
            scores = jnp.matmul(query, jnp.swapaxes(key, -2, -1))
            return scores * self.scale if self.use_scale else scores
        pairs = query[..., :, None, :] + key[..., None, :, :]
        pairs = pairs * self.scale if self.use_scale else pairs
        return self.concat_score_weight * jnp.sum(jnp.tanh(pairs), -1)

    def _weights(self, scores: jax.Array, value_mask: Any, causal: bool) -> jax.Array:
        wide = scores.astype(jnp.promote_types(scores.dtype, jnp.float32))
        masks = [] if value_mask is None else [value_mask[..., None, :].astype(bool)]
        masks += [causal_mask(*scores.shape[-2:])[None]] if causal else []
        for mask in masks:
            seen = jnp.expand_dims(mask, tuple(range(1, 1 + wide.ndim - mask.ndim)))
            # Far below the others, but finite: a query that sees nothing stays free of NaN.
            wide = jnp.where(seen, wide, wide - 1e9)
        return jax.nn.softmax(wide, -1)

    def _three(self, inputs: Any) -> tuple[Any, Any, Any]:
        """Query, value and key."""
        if is_arraylike(inputs) or len(inputs) not in (2, 3):
            raise ShapeError(
                f"{place_of(self)}: expected a list [query, value] or [query, value, key], got "
                f"{'one array' if is_arraylike(inputs) else len(inputs)}. "
                "Write layer([query, value])."
            )
        query, value, key = (*inputs, inputs[1])[:3]
        shapes = [concrete_dims(x.shape) for x in (query, value, key)]
        if min(map(len, shapes)) < 2 or not self._fit(*shapes):
            raise ShapeError(
                f"{place_of(self)}: expected query (batch, queries, features), value (batch, keys, "
                f"size) and key (batch, keys, features), got {', '.join(map(str, shapes))}."
            )
        return query, value, key

    @staticmethod
    def _fit(query: Any, value: Any, key: Any) -> bool:
        pairs = [(query[-1], key[-1]), (value[-2], key[-2]), (query[0], value[0])]
        return all(a == b or None in (a, b) for a, b in pairs)

    def _two(self, mask: Any) -> tuple[Any, Any]:
        """The masks of query and value."""
        if mask is None:
            return None, None
        if not isinstance(mask, list | tuple) or len(mask) not in (2, 3):
            raise ArgumentError(
                f"{place_of(self)}: expected mask to be [query mask, value mask], got {mask!r}."
            )
        return mask[0], mask[1]
