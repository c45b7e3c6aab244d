"""Embedding: a vector for each of so many words."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from nnlib.core.errors import ArgumentError, DataError, ShapeError
from nnlib.layers.checks import place_of, positive_int
from nnlib.layers.lora import LowRank
from nnlib.layers.weight_arguments import keep_weight_arguments, weight_of
from nnlib.ops.embedding import embedding


class Embedding(LowRank):
    """Row `i` of a trained table for each integer `i`.

    Args:
        input_dim: number of rows: ids go from 0 to input_dim - 1.
        output_dim: size of a row.
        embeddings_initializer: of the (input_dim, output_dim) table.
        embeddings_regularizer: a penalty on the table.
        embeddings_constraint: a projection of the table after each update.
        mask_zero: whether id 0 is padding: the output then has a mask, True where ids are not 0.
        weights: the table to begin with, instead of the initializer's, of shape (input_dim,
            output_dim), or a list that holds it. It is not part of the configuration.
        lora_rank: if given, the table is frozen, and `lora_alpha / lora_rank * a @ b` is added to
            it, where a and b of this rank are trained; see `enable_lora`.
        lora_alpha: scales what is added; lora_rank if None.
        input_length: length of the sequences, which is then checked; None for any.

    Input shape:
        Integers of any shape, mostly (batch, time). Floats are cut to integers.

    Output shape:
        (*input shape, output_dim), with a mask of the input's shape if `mask_zero`.

    Raises:
        DataError: for ids out of range, when called on arrays. Under jit, where values are not
            known, such ids give the first or the last row.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.Embedding(10, 4)(jnp.array([[1, 2, 3]])).shape
    (1, 3, 4)

    Source: Hu et al., "LoRA", ICLR 2022 (lora_rank).
    """

    embeddings: jax.Array
    adapted_weight = "embeddings"

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        weights: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        input_length: int | None = None,
        **kwargs: Any,
    ):
        # Ids are not to be rounded, even if they come as floats.
        super().__init__(**{"autocast": False} | kwargs)
        self.input_dim = positive_int("Embedding", "input_dim", input_dim)
        self.output_dim = positive_int("Embedding", "output_dim", output_dim)
        keep_weight_arguments(
            self,
            "embeddings",
            embeddings_initializer,
            embeddings_regularizer,
            embeddings_constraint,
        )
        self.mask_zero = self.supports_masking = bool(mask_zero)
        self._init_arguments.pop("weights", None)  # an array, and only where to begin
        if weights is not None:
            self.embeddings_initializer = self._constant(weights)
        self.keep_lora(lora_rank, lora_alpha)
        if input_length is not None:
            input_length = positive_int("Embedding", "input_length", input_length)
        self.input_length = input_length
        if weights is not None:
            self.build()

    def build(self, x: Any = None) -> None:
        shape = (self.input_dim, self.output_dim)
        self.embeddings = weight_of(self, "embeddings", shape, axes=("vocabulary", "out"))
        self.declare_lora()

    def call(self, x: jax.Array) -> jax.Array:
        self._check_length(x)
        if not isinstance(x, jax.core.Tracer) and x.size:
            self._check_range(x)
        return embedding(x, self.adapted())

    def compute_mask(self, inputs: jax.Array, mask: Any = None) -> jax.Array | None:
        """True for ids that are not 0, if `mask_zero`."""
        return inputs != 0 if self.mask_zero else None

    def _constant(self, weights: Any) -> Any:
        """An initializer that returns the given table."""
        single = isinstance(weights, list | tuple) and len(weights) == 1
        table = np.asarray(weights[0] if single else weights)
        if table.shape != (self.input_dim, self.output_dim):
            raise ArgumentError(
                f"{type(self).__name__}: expected weights of shape "
                f"{(self.input_dim, self.output_dim)}, got {table.shape}."
            )
        return lambda key, shape, dtype: jnp.asarray(table, dtype)

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
        ids = np.asarray(x)  # within a jit, too, these are constants
        lowest, highest = int(ids.min()), int(ids.max())
        if lowest < 0 or highest >= self.input_dim:
            bad = lowest if lowest < 0 else highest
            raise DataError(
                f"{place_of(self)}: expected ids from 0 to {self.input_dim - 1}, got {bad}. "
                f"Set input_dim to the largest id + 1."
            )
