"""Embedding: a vector for each of so many words."""

from typing import Any

import jax
import jax.numpy as jnp

from nnlib.core.errors import ArgumentError, DataError, ShapeError
from nnlib.core.layer import Layer
from nnlib.layers.checks import place_of, positive_int
from nnlib.layers.weight_arguments import keep_weight_arguments, weight_of
from nnlib.ops.embedding import embedding


class Embedding(Layer):
    """Row `i` of a trained table for each integer `i`.

    Args:
        input_dim: number of rows: ids go from 0 to input_dim - 1.
        output_dim: size of a row.
        embeddings_initializer: of the (input_dim, output_dim) table.
        embeddings_regularizer: a penalty on the table.
        embeddings_constraint: a projection of the table after each update.
        mask_zero: only False: masks are not available yet.
        input_length: length of the sequences, which is then checked; None for any.

    Input shape:
        Integers of any shape, mostly (batch, time). Floats are cut to integers.

    Output shape:
        (*input shape, output_dim).

    Raises:
        DataError: for ids out of range, when called on arrays. Under jit, where values are not
            known, such ids give the first or the last row.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.Embedding(10, 4)(jnp.array([[1, 2, 3]])).shape
    (1, 3, 4)
    """

    embeddings: jax.Array

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        input_length: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.input_dim = positive_int("Embedding", "input_dim", input_dim)
        self.output_dim = positive_int("Embedding", "output_dim", output_dim)
        keep_weight_arguments(
            self,
            "embeddings",
            embeddings_initializer,
            embeddings_regularizer,
            embeddings_constraint,
        )
        if mask_zero:
            raise ArgumentError(
                "Embedding: expected mask_zero=False, got True. Masking is not available yet: "
                "multiply the output by (ids != 0)[..., None], or slice sequences to one length."
            )
        if input_length is not None:
            input_length = positive_int("Embedding", "input_length", input_length)
        self.input_length = input_length

    def build(self, x: Any) -> None:
        shape = (self.input_dim, self.output_dim)
        self.embeddings = weight_of(self, "embeddings", shape, axes=("vocabulary", "out"))

    def call(self, x: jax.Array) -> jax.Array:
        self._check_length(x)
        if not isinstance(x, jax.core.Tracer) and x.size:
            self._check_range(x)
        return embedding(x, self.embeddings)

    def _check_length(self, x: jax.Array) -> None:
        want = self.input_length
        if want is None:
            return
        have = x.shape[1] if x.ndim > 1 else None
        if have is None or (isinstance(have, int) and have != want):
            raise ShapeError(
                f"{place_of(self)}: expected sequences of input_length={want} on axis 1, "
                f"got shape {tuple(x.shape)}."
            )

    def _check_range(self, x: jax.Array) -> None:
        lowest, highest = int(jnp.min(x)), int(jnp.max(x))
        if lowest < 0 or highest >= self.input_dim:
            bad = lowest if lowest < 0 else highest
            raise DataError(
                f"{place_of(self)}: expected ids from 0 to {self.input_dim - 1}, got {bad}. "
                f"Set input_dim to the largest id + 1."
            )
