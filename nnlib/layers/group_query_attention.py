"""GroupQueryAttention: heads of queries that share heads of keys and values."""

from typing import Any

from nnlib.core.errors import ArgumentError
from nnlib.core.specs import InputSpec
from nnlib.layers.checks import place_of, positive_int
from nnlib.layers.projected_attention import Heads, ProjectedAttention


class GroupQueryAttention(ProjectedAttention):
    r"""As MultiHeadAttention, with fewer heads of keys and values than of queries.

    Head h of the queries attends with head `h // (num_query_heads / num_key_value_heads)` of the
    keys and values.

    Args:
        head_dim: size of queries, keys and values in a head.
        num_query_heads: heads of the queries.
        num_key_value_heads: heads of keys and values; divides num_query_heads.
        dropout: the probability that a weight is dropped while training, from 0 to 1.
        use_bias: whether projections have biases.
        sliding_window: a query sees keys that are less than this many steps away; None for all.
        flash_attention: True for cuDNN's fused kernel (on GPUs, in 16-bit floats); None is False.
        kernel_initializer: of the projections' kernels.
        bias_initializer: of their biases.
        kernel_regularizer: a penalty on each kernel.
        bias_regularizer: a penalty on each bias.
        activity_regularizer: a penalty on the output of each projection.
        kernel_constraint: a projection of each kernel after each update.
        bias_constraint: a projection of each bias after each update.
        use_gate: whether `sigmoid` of one more projection of the query multiplies the heads.
        seed: an integer mixed into the key of the draws.

    Call arguments:
        query_mask: as for MultiHeadAttention, as are all others.

    Input shape:
        query (batch, queries, features), value and key (batch, keys, features).

    Output shape:
        (batch, queries, features), with the mask of the queries.

    Raises:
        ShapeError: if the inputs do not fit each other or what it was built for.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> layer = nn.layers.GroupQueryAttention(4, num_query_heads=6, num_key_value_heads=2)
    >>> layer(jnp.ones((1, 5, 8)), jnp.ones((1, 3, 8))).shape
    (1, 5, 8)

    Source: Ainslie et al., "GQA", EMNLP 2023.
    """

    def __init__(
        self,
        head_dim: int,
        num_query_heads: int,
        num_key_value_heads: int,
        dropout: float = 0.0,
        use_bias: bool = True,
        sliding_window: int | None = None,
        flash_attention: bool | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        use_gate: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ):
        given = dict(locals())
        super().__init__(**kwargs)
        own = "GroupQueryAttention"
        self.head_dim = positive_int(own, "head_dim", head_dim)
        self.num_query_heads = positive_int(own, "num_query_heads", num_query_heads)
        self.num_key_value_heads = positive_int(own, "num_key_value_heads", num_key_value_heads)
        if self.num_query_heads % self.num_key_value_heads:
            raise ArgumentError(
                f"{own}: expected num_key_value_heads to divide num_query_heads="
                f"{num_query_heads}, got {num_key_value_heads!r}."
            )
        self.keep_common(given)

    def heads(self) -> Heads:
        """Numbers and sizes of the heads."""
        return Heads(self.num_query_heads, self.num_key_value_heads, self.head_dim, self.head_dim)

    def build(self, query: Any, value: Any, key: Any = None) -> None:
        for x in (query, value, key):
            if x is not None:
                InputSpec(ndim=3).check(x, place_of(self))
        self.build_projections(query, value, key, None)
