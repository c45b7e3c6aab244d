"""Initializer: configuration of how a weight begins, with a pure `sample(key, shape, dtype)`."""

import math
from typing import Any, Self

import jax
import jax.numpy as jnp
import numpy as np

from nnlib.core.config_capture import Configurable
from nnlib.core.errors import ArgumentError
from nnlib.core.seeds import SeedGenerator, key_of
from nnlib.core.settings import floatx

Shape = tuple[int, ...]
Seed = int | SeedGenerator | None


class Initializer(Configurable):
    """A distribution of initial weights.

    Subclasses write `sample(key, shape, dtype)`. As in Keras, `initializer(shape, dtype)` draws
    with a key of its own; with an integer as `seed` every draw is the same, and the one that Keras
    makes on JAX; with a SeedGenerator every draw is another.

    >>> import nnlib as nn
    >>> nn.initializers.Constant(2.0)((2,)).tolist()
    [2.0, 2.0]
    """

    seed: Seed = None

    def sample(self, key: Any, shape: Shape, dtype: Any) -> jax.Array:
        """An array of `shape`, drawn with `key`."""
        raise NotImplementedError(f"{type(self).__name__}: expected a `sample` method, got none.")

    def __call__(self, shape: Any, dtype: Any = None) -> jax.Array:
        key = key_of(type(self).__name__, None) if self.seed is None else None
        return self.sample(key, tuple(shape), jnp.dtype(dtype or floatx()))

    def own_key(self, key: Any) -> Any:
        """The key of `seed` where one was given, else `key`."""
        return key if self.seed is None else key_of(type(self).__name__, self.seed)

    def clone(self) -> Self:
        """Another one with the same configuration."""
        return type(self).from_config(self.get_config())


class Fixed(Initializer):
    """Base of those in which nothing is random: they need no key."""

    def __call__(self, shape: Any, dtype: Any = None) -> jax.Array:
        return self.sample(None, tuple(shape), jnp.dtype(dtype or floatx()))


def check_number(place: str, name: str, value: Any, low: float = -math.inf) -> float:
    """`value`, if it is a finite number of at least `low`."""
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or value < low:
        least = "" if low == -math.inf else f" of at least {low:g}"
        raise ArgumentError(f"{place}: expected {name} to be a number{least}, got {value!r}.")
    return value


def check_seed(place: str, seed: Any) -> Seed:
    """`seed`, if it is an integer, a SeedGenerator or None."""
    known = isinstance(seed, int | np.integer | SeedGenerator) and not isinstance(seed, bool)
    if seed is not None and not known:
        raise ArgumentError(
            f"{place}: expected seed to be an integer, a SeedGenerator or None, got {seed!r}."
        )
    return seed
