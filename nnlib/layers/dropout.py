"""Dropout: random zeros while training."""

from typing import Any

import jax

from nnlib.core.errors import ArgumentError
from nnlib.core.layer import Layer
from nnlib.core.specs import InputSpec
from nnlib.layers.checks import fraction
from nnlib.ops.dropout import dropout


class Dropout(Layer):
    """Zero with probability `rate` and the rest scaled by `1 / (1 - rate)`; only while training.

    Args:
        rate: the probability of a zero, from 0 to 1.
        noise_shape: of the mask: 1 where all elements of an axis share one draw, None where the
            input's size is taken, `(None, 1, None)` to drop the same features in all time steps.
        seed: an integer mixed into the key of the call; draws still differ from step to step.

    Call arguments:
        key: a `jax.random.key` to draw with, needed inside vmap or scan.

    Input shape:
        Any.

    Output shape:
        The input's.

    Raises:
        ShapeError: if the input has not as many axes as `noise_shape`.
        RandomKeyError: while training without a key (`apply(..., rng=jax.random.key(0))`).

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.Dropout(0.5)(jnp.ones(3)).tolist()
    [1.0, 1.0, 1.0]

    Source: Srivastava et al., JMLR 2014.
    """

    supports_masking = True

    def __init__(
        self, rate: float, noise_shape: Any = None, seed: int | None = None, **kwargs: Any
    ):
        super().__init__(**kwargs)
        own = type(self).__name__
        self.rate = fraction(own, "rate", rate)
        self.noise_shape = checked_noise_shape(own, noise_shape)
        self.seed = checked_seed(own, seed)
        if self.noise_shape is not None:
            self.input_spec = InputSpec(ndim=len(self.noise_shape))

    def call(self, x: jax.Array, training: bool = False, key: Any = None) -> jax.Array:
        if not training or self.rate == 0:
            return x
        key = self.next_key() if key is None else key
        return self.drop(x, seeded(key, self.seed))

    def drop(self, x: jax.Array, key: Any) -> jax.Array:
        """The input with random zeros."""
        return dropout(x, key, self.rate, self.noise_dims(x))

    def noise_dims(self, x: jax.Array) -> tuple[Any, ...]:
        """The shape of the mask for this input."""
        if self.noise_shape is None:
            return x.shape
        pairs = zip(self.noise_shape, x.shape, strict=True)
        return tuple(size if want is None else want for want, size in pairs)


def checked_noise_shape(layer: str, value: Any) -> tuple[int | None, ...] | None:
    """A tuple of sizes above 0 or None, or None."""
    if value is None:
        return None
    sizes = tuple(value) if isinstance(value, tuple | list) else (0,)
    if not all(n is None or (isinstance(n, int) and n >= 1) for n in sizes):
        raise ArgumentError(
            f"{layer}: expected noise_shape to be a tuple of integers above 0 or None, "
            f"got {value!r}."
        )
    return sizes


def checked_rate_below_one(layer: str, value: Any) -> float:
    """A number from 0 to below 1: noise that makes up for what is lost would be infinite at 1."""
    if fraction(layer, "rate", value) == 1:
        raise ArgumentError(f"{layer}: expected rate to be below 1, got {value!r}.")
    return float(value)


def checked_seed(layer: str, value: Any) -> int | None:
    """An integer of at least 0, or None."""
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
        raise ArgumentError(
            f"{layer}: expected seed to be an integer of at least 0 or None, got {value!r}."
        )
    return value


def seeded(key: Any, seed: int | None) -> Any:
    """The key of a draw: that of the step and the path, and the layer's seed where it has one."""
    return key if seed is None else jax.random.fold_in(key, seed)
