"""Penalties on weights and activities: an array in, a scalar out."""

import math
from typing import Any

import jax
import jax.numpy as jnp

from nnlib.core import config_capture
from nnlib.core.config_capture import Configurable
from nnlib.core.errors import ArgumentError, ShapeError
from nnlib.core.registries import regularizers


class Regularizer(Configurable):
    """Base of the penalties below; any function from an array to a scalar serves as well.

    >>> import jax.numpy as jnp
    >>> float(L2(0.5)(jnp.array([1.0, 2.0])))
    2.5
    """

    def __call__(self, x: jax.Array) -> jax.Array:
        raise NotImplementedError(f"{type(self).__name__}: expected a `__call__` method, got none.")


def _factor(owner: str, name: str, value: Any) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or value < 0:
        raise ArgumentError(
            f"{owner}: expected {name} to be a finite number of at least 0, got {value!r}."
        )
    return float(value)


@regularizers.register("l1")
class L1(Regularizer):
    """`l1 * sum(|x|)`."""

    def __init__(self, l1: float = 0.01):
        self.l1 = _factor("L1", "l1", l1)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.l1 * jnp.sum(jnp.abs(x))


@regularizers.register("l2")
class L2(Regularizer):
    """`l2 * sum(x ** 2)`."""

    def __init__(self, l2: float = 0.01):
        self.l2 = _factor("L2", "l2", l2)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.l2 * jnp.sum(jnp.square(x))


@regularizers.register("l1_l2", "l1l2")
class L1L2(Regularizer):
    """`l1 * sum(|x|) + l2 * sum(x ** 2)`."""

    def __init__(self, l1: float = 0.0, l2: float = 0.0):
        self.l1, self.l2 = _factor("L1L2", "l1", l1), _factor("L1L2", "l2", l2)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.l1 * jnp.sum(jnp.abs(x)) + self.l2 * jnp.sum(jnp.square(x))


@regularizers.register("orthogonal_regularizer")
class OrthogonalRegularizer(Regularizer):
    """`factor` times the mean absolute cosine between the rows (or columns) of a matrix.

    Args:
        factor: weight of the penalty, at least 0.
        mode: "rows" or "columns".
    """

    def __init__(self, factor: float = 0.01, mode: str = "rows"):
        if mode not in ("rows", "columns"):
            raise ArgumentError(
                f"OrthogonalRegularizer: expected mode to be 'rows' or 'columns', got {mode!r}."
            )
        self.factor, self.mode = _factor("OrthogonalRegularizer", "factor", factor), mode

    def __call__(self, x: jax.Array) -> jax.Array:
        if x.ndim != 2:
            raise ShapeError(f"OrthogonalRegularizer: expected a matrix, got shape {x.shape}.")
        rows = x if self.mode == "rows" else x.T
        norms = jnp.sqrt(jnp.maximum(jnp.sum(jnp.square(rows), axis=1, keepdims=True), 1e-12))
        rows = rows / norms
        count = rows.shape[0]
        cosines = jnp.abs(rows @ rows.T) * (1 - jnp.eye(count, dtype=x.dtype))
        return self.factor * jnp.sum(cosines) / max(count * (count - 1), 1)


l1, l2, l1_l2, orthogonal_regularizer = L1, L2, L1L2, OrthogonalRegularizer
get = regularizers.get
serialize = config_capture.serialize
deserialize = regularizers.deserialize

__all__ = [
    "L1",
    "L1L2",
    "L2",
    "OrthogonalRegularizer",
    "Regularizer",
    "deserialize",
    "get",
    "l1",
    "l1_l2",
    "l2",
    "orthogonal_regularizer",
    "serialize",
]
