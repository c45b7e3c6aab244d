"""MultiHeadAttention: several attentions side by side, each with projections of its own."""

from typing import Any

from nnlib.core.errors import ArgumentError, ShapeError
from nnlib.core.specs import is_shape
from nnlib.layers.checks import axis_numbers, check_axis, place_of, positive_int
from nnlib.layers.projected_attention import Heads, ProjectedAttention


class MultiHeadAttention(ProjectedAttention):
    r"""`output(concat_h softmax(q_h k_h^T / sqrt(key_dim)) v_h)`, q, k, v projected for each head.

    Called as `layer(query, value, key=None)`; the value is the key if there is none.

    Args:
        num_heads: number of heads.
        key_dim: size of queries and keys in a head.
        value_dim: size of values in a head; key_dim if None.
        dropout: the probability that a weight is dropped while training, from 0 to 1.
        use_bias: whether projections have biases.
        output_shape: size of the output's last axis, or a tuple of sizes; the query's if None.
        attention_axes: the axes that are attended over; all between batch and features if None.
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
        query_mask: (batch, queries), True where a step counts; so are `value_mask` and `key_mask`.
            Taken from the inputs where they have masks.
        attention_mask: (batch, queries, keys), True where a query may see a key.
        return_attention_scores: whether weights, (batch, heads, queries, keys), are returned too.
        use_causal_mask: whether query i sees keys up to i alone.

    Input shape:
        query (batch, queries, features), value and key (batch, keys, features); each has features
        of its own. There may be further axes.

    Output shape:
        (batch, queries, features), with the mask of the queries.

    Raises:
        ShapeError: if the inputs do not fit each other or what it was built for.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> layer = nn.layers.MultiHeadAttention(num_heads=2, key_dim=4)
    >>> layer(jnp.ones((1, 5, 8)), jnp.ones((1, 3, 8))).shape
    (1, 5, 8)

    Source: Vaswani et al., "Attention is all you need", NeurIPS 2017; Qiu et al., "Gated attention
    for large language models", 2025 (use_gate).
    """

    def __init__(
        self,
        num_heads: int,
        key_dim: int,
        value_dim: int | None = None,
        dropout: float = 0.0,
        use_bias: bool = True,
        output_shape: Any = None,
        attention_axes: Any = None,
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
        own = "MultiHeadAttention"
        self.num_heads = positive_int(own, "num_heads", num_heads)
        self.key_dim = positive_int(own, "key_dim", key_dim)
        self.value_dim = self.key_dim if value_dim is None else positive_int(
            own, "value_dim", value_dim
        )  # fmt: skip
        self.output_shape = _sizes(output_shape)
        self.attention_axes = (
            None if attention_axes is None else axis_numbers(own, "attention_axes", attention_axes)
        )
        self.keep_common(given)

    def heads(self) -> Heads:
        """Numbers and sizes of the heads."""
        return Heads(self.num_heads, self.num_heads, self.key_dim, self.value_dim)

    def build(self, query: Any, value: Any, key: Any = None) -> None:
        self.positions(query.ndim)
        self.build_projections(query, value, key, self.output_shape)

    def positions(self, ndim: int) -> tuple[int, ...]:
        """The axes that are attended over, of inputs with so many axes."""
        if self.attention_axes is None:
            return super().positions(ndim)
        axes = tuple(check_axis(self, axis, ndim) for axis in self.attention_axes)
        if not axes or not set(axes) <= set(range(1, ndim - 1)):
            raise ShapeError(
                f"{place_of(self)}: expected attention_axes between the batch and the features, "
                f"got {self.attention_axes} for inputs of {ndim} axes."
            )
        return axes


def _sizes(value: Any) -> tuple[int, ...] | None:
    if value is None:
        return None
    sizes = tuple(value) if isinstance(value, tuple | list) else (value,)
    if not sizes or not is_shape(sizes) or None in sizes:
        raise ArgumentError(
            f"MultiHeadAttention: expected output_shape to be a size or several, got {value!r}."
        )
    return sizes
