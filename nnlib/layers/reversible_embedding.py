"""ReversibleEmbedding: from ids to vectors, and from vectors to scores of all ids."""

from typing import Any

import jax
import jax.numpy as jnp

from nnlib.core.errors import ArgumentError, ShapeError
from nnlib.core.masks import set_mask
from nnlib.core.specs import concrete_dims
from nnlib.layers.checks import place_of, positive_number
from nnlib.layers.embedding import Embedding
from nnlib.layers.weight_arguments import weight_of


class ReversibleEmbedding(Embedding):
    """As Embedding; called with `reverse=True`, it gives each id's score for a vector.

    Args:
        input_dim: number of rows: ids go from 0 to input_dim - 1.
        output_dim: size of a row.
        tie_weights: whether scores are products with the rows themselves; False for a second table
            `reverse_embeddings` of shape (output_dim, input_dim).
        embeddings_initializer: of the (input_dim, output_dim) table.
        embeddings_regularizer: a penalty on the table.
        embeddings_constraint: a projection of the table after each update.
        mask_zero: whether id 0 is padding, as for Embedding.
        reverse_dtype: the dtype that scores are computed in; the layer's compute dtype if None.
        logit_soft_cap: if given, scores become `cap * tanh(score / cap)`.
        kwargs: further arguments of Embedding.

    Call arguments:
        reverse: whether inputs are vectors, and outputs scores.

    Input shape:
        Integers of any shape, or (..., output_dim) for `reverse`.

    Output shape:
        (*input shape, output_dim), or (..., input_dim) for `reverse`.

    Raises:
        ShapeError: if vectors are not of size output_dim.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> layer = nn.layers.ReversibleEmbedding(10, 4)
    >>> layer(layer(jnp.array([[1, 2, 3]])), reverse=True).shape
    (1, 3, 10)

    Source: Press & Wolf, EACL 2017 (tied weights); Gemma Team, "Gemma 2", 2024 (cap).
    """

    reverse_embeddings: jax.Array

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        tie_weights: bool = True,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        reverse_dtype: Any = None,
        logit_soft_cap: float | None = None,
        **kwargs: Any,
    ):
        own = "ReversibleEmbedding"
        super().__init__(
            input_dim,
            output_dim,
            embeddings_initializer,
            embeddings_regularizer,
            embeddings_constraint,
            mask_zero,
            **kwargs,
        )
        self.tie_weights = bool(tie_weights)
        try:
            self.reverse_dtype = None if reverse_dtype is None else jnp.dtype(reverse_dtype).name
        except TypeError:
            raise ArgumentError(
                f"{own}: expected reverse_dtype to be a dtype, got {reverse_dtype!r}."
            ) from None
        self.logit_soft_cap = (
            None
            if logit_soft_cap is None
            else positive_number(own, "logit_soft_cap", logit_soft_cap)
        )

    def build(self, x: Any = None) -> None:
        super().build(x)
        if not self.tie_weights:
            plain = {"regularizer": None, "constraint": None, "axes": ("out", "vocabulary")}
            shape = (self.output_dim, self.input_dim)
            self.reverse_embeddings = weight_of(self, "embeddings", shape, **plain)

    def call(self, x: jax.Array, reverse: bool = False) -> jax.Array:
        if reverse:
            return self._scores(x)
        y = super().call(x)
        mask = super().compute_mask(x)
        if mask is not None:
            set_mask(y, mask)
        return y

    def compute_mask(self, inputs: jax.Array, mask: Any = None) -> None:
        """None: `call` has set the mask of vectors, and scores have none."""

    def _scores(self, x: jax.Array) -> jax.Array:
        if x.ndim < 1 or x.shape[-1] != self.output_dim:
            raise ShapeError(
                f"{place_of(self)}: expected vectors of size output_dim={self.output_dim} to "
                f"reverse, got shape {concrete_dims(x.shape)}."
            )
        table = self.adapted().T if self.tie_weights else self.reverse_embeddings
        dtype = self.reverse_dtype or self.compute_dtype
        x, table = x.astype(dtype), table.astype(dtype)
        scores = jnp.matmul(x, table)
        cap = self.logit_soft_cap
        return scores if cap is None else cap * jnp.tanh(scores / cap)
