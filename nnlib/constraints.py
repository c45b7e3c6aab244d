"""Projections of weights, applied after each update: an array in, an array of that shape out."""

from typing import Any

import jax
import jax.numpy as jnp

from nnlib.core import config_capture
from nnlib.core.config_capture import Configurable
from nnlib.core.errors import ArgumentError
from nnlib.core.registries import constraints
from nnlib.core.settings import epsilon

Axis = int | tuple[int, ...] | None


class Constraint(Configurable):
    """Base of the projections below; any function from an array to an array serves as well.

    By itself it changes nothing.

    >>> import jax.numpy as jnp
    >>> NonNeg()(jnp.array([-1.0, 2.0])).tolist()
    [0.0, 2.0]
    """

    def __call__(self, w: jax.Array) -> jax.Array:
        return w


def _axis(axis: Any) -> Axis:
    return tuple(axis) if isinstance(axis, list) else axis


def _norms(w: jax.Array, axis: Axis) -> jax.Array:
    return jnp.sqrt(jnp.sum(jnp.square(w), axis=axis, keepdims=True))


def _check_bounds(owner: str, low: Any, high: Any) -> None:
    if not 0 <= low <= high:
        raise ArgumentError(
            f"{owner}: expected norms with 0 <= min_value <= max_value, got {low!r} and {high!r}."
        )


@constraints.register()
class NonNeg(Constraint):
    """`max(w, 0)`."""

    def __call__(self, w: jax.Array) -> jax.Array:
        return jnp.maximum(w, 0)


@constraints.register()
class MaxNorm(Constraint):
    """Scale down to a norm of at most `max_value`.

    Args:
        max_value: largest norm, at least 0.
        axis: over which norms are taken: 0 for each unit of a Dense kernel, (0, 1, 2) for each
            filter of a Conv2D kernel.

    Source: Srivastava et al., "Dropout", JMLR 2014.
    """

    def __init__(self, max_value: float = 2, axis: Any = 0):
        _check_bounds("MaxNorm", 0, max_value)
        self.max_value, self.axis = max_value, _axis(axis)

    def __call__(self, w: jax.Array) -> jax.Array:
        norms = _norms(w, self.axis)
        return w * (jnp.clip(norms, 0, self.max_value) / (epsilon() + norms))


@constraints.register()
class UnitNorm(Constraint):
    """Scale to a norm of 1 over `axis`."""

    def __init__(self, axis: Any = 0):
        self.axis = _axis(axis)

    def __call__(self, w: jax.Array) -> jax.Array:
        return w / (epsilon() + _norms(w, self.axis))


@constraints.register()
class MinMaxNorm(Constraint):
    """Move norms into [min_value, max_value].

    Args:
        min_value: smallest norm, at least 0.
        max_value: largest norm.
        rate: how far to go: 1 enforces the bounds, less moves towards them.
        axis: over which norms are taken.
    """

    def __init__(
        self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: Any = 0
    ):
        _check_bounds("MinMaxNorm", min_value, max_value)
        if not 0 <= rate <= 1:
            raise ArgumentError(f"MinMaxNorm: expected rate between 0 and 1, got {rate!r}.")
        self.min_value, self.max_value, self.rate = min_value, max_value, rate
        self.axis = _axis(axis)

    def __call__(self, w: jax.Array) -> jax.Array:
        norms = _norms(w, self.axis)
        within = jnp.clip(norms, self.min_value, self.max_value)
        wanted = self.rate * within + (1 - self.rate) * norms
        return w * (wanted / (epsilon() + norms))


non_neg, max_norm, unit_norm, min_max_norm = NonNeg, MaxNorm, UnitNorm, MinMaxNorm
get = constraints.get
serialize = config_capture.serialize
deserialize = constraints.deserialize

__all__ = [
    "Constraint",
    "MaxNorm",
    "MinMaxNorm",
    "NonNeg",
    "UnitNorm",
    "deserialize",
    "get",
    "max_norm",
    "min_max_norm",
    "non_neg",
    "serialize",
    "unit_norm",
]
