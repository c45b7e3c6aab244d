"""CategoryEncoding: integers as vectors."""

from typing import Any

import jax
import jax.numpy as jnp

from nnlib.core.errors import ArgumentError, DataError, ShapeError
from nnlib.core.layer import Layer
from nnlib.core.specs import concrete_dims
from nnlib.layers.checks import one_of, place_of, positive_int
from nnlib.layers.preprocessing.host_encoding import OLD_NAMES
from nnlib.ops.categorical import encode_categories


class CategoryEncoding(Layer):
    """A vector of size `num_tokens` for each integer, or for each sample of integers.

    Args:
        num_tokens: the number of categories: integers go from 0 to num_tokens - 1.
        output_mode: "one_hot" for a vector of each integer (an axis of 1 at the end gives way to
            it); "multi_hot" for one of each sample, the last axis, with 1 for what occurs in it;
            "count" with how often it occurs.
        sparse: only False.

    Call arguments:
        inputs: the integers.
        count_weights: what each of them counts in "count", in their shape.

    Input shape:
        Integers of any shape, mostly (batch,) or (batch, sample size).

    Output shape:
        (..., num_tokens).

    Raises:
        DataError: for integers out of range, when called on arrays. Under jit, where values are not
            known, they leave no trace.

    >>> import nnlib as nn
    >>> nn.layers.CategoryEncoding(4)([[0, 1], [3, 3]]).tolist()
    [[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]]
    """

    def __init__(
        self,
        num_tokens: int | None = None,
        output_mode: str = "multi_hot",
        sparse: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        own = "CategoryEncoding"
        self.num_tokens = positive_int(own, "num_tokens", num_tokens)
        self.output_mode = one_of(
            own, "output_mode", OLD_NAMES.get(output_mode, output_mode),
            ("one_hot", "multi_hot", "count"),
        )  # fmt: skip
        if sparse:
            raise ArgumentError(f"{own}: expected sparse=False, got True. JAX arrays are dense.")
        self.sparse = False

    def call(self, inputs: jax.Array, count_weights: Any = None) -> jax.Array:
        weights = None if count_weights is None else self._weights(inputs, count_weights)
        if not isinstance(inputs, jax.core.Tracer) and inputs.size:
            self._check_range(inputs)
        indices = inputs.astype(jnp.int32)
        return encode_categories(
            indices, self.num_tokens, self.output_mode, self.compute_dtype, weights
        )

    def _weights(self, inputs: jax.Array, count_weights: Any) -> jax.Array:
        if self.output_mode != "count":
            raise ArgumentError(
                f"{place_of(self)}: expected count_weights with output_mode='count' only, got them "
                f"with {self.output_mode!r}."
            )
        weights = jnp.asarray(count_weights)
        if concrete_dims(weights.shape) != concrete_dims(inputs.shape):
            raise ShapeError(
                f"{place_of(self)}: expected count_weights in the shape of the input, "
                f"{concrete_dims(inputs.shape)}, got {concrete_dims(weights.shape)}."
            )
        return weights

    def _check_range(self, x: jax.Array) -> None:
        lowest, highest = int(jnp.min(x)), int(jnp.max(x))
        if lowest < 0 or highest >= self.num_tokens:
            bad = lowest if lowest < 0 else highest
            raise DataError(
                f"{place_of(self)}: expected integers from 0 to {self.num_tokens - 1}, got {bad}. "
                "Set num_tokens to the largest one + 1, or map them by IntegerLookup."
            )
