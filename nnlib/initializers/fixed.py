"""Weights that begin with known values."""

from typing import Any

import jax
import jax.numpy as jnp

from nnlib.core.errors import ShapeError
from nnlib.core.registries import initializers
from nnlib.initializers.initializer import Fixed, Shape, check_number


@initializers.register("zeros", "zero")
class Zeros(Fixed):
    """All zeros."""

    def sample(self, key: Any, shape: Shape, dtype: Any) -> jax.Array:
        return jnp.zeros(shape, dtype)


@initializers.register("ones", "one")
class Ones(Fixed):
    """All ones."""

    def sample(self, key: Any, shape: Shape, dtype: Any) -> jax.Array:
        return jnp.ones(shape, dtype)


@initializers.register()
class Constant(Fixed):
    """One value everywhere, or an array that broadcasts to the shape.

    >>> Constant([1.0, 2.0])((3, 2)).tolist()
    [[1.0, 2.0], [1.0, 2.0], [1.0, 2.0]]
    """

    def __init__(self, value: Any = 0.0):
        self.value = value

    def sample(self, key: Any, shape: Shape, dtype: Any) -> jax.Array:
        value = jnp.asarray(self.value, dtype)
        fitting = zip(reversed(value.shape), reversed(shape), strict=False)
        if value.ndim > len(shape) or any(have not in (1, want) for have, want in fitting):
            raise ShapeError(
                f"Constant: expected a value that broadcasts to {shape}, got one of {value.shape}."
            )
        return jnp.broadcast_to(value, shape)


@initializers.register()
class FromArray(Fixed):
    """A given array, of exactly the weight's shape: what `kernel_initializer=array` stands for.

    >>> FromArray(jnp.eye(2))((2, 2)).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """

    def __init__(self, value: Any):
        self.value = value

    def sample(self, key: Any, shape: Shape, dtype: Any) -> jax.Array:
        value = jnp.asarray(self.value, dtype)
        if value.shape != shape:
            raise ShapeError(
                f"initializer: expected an array of the weight's shape {shape}, got {value.shape}."
            )
        return value


@initializers.register("identity", "Identity", "IdentityInitializer")
class Identity(Fixed):
    """`gain` on the diagonal of a matrix, 0 elsewhere.

    >>> Identity(2.0)((2, 3)).tolist()
    [[2.0, 0.0, 0.0], [0.0, 2.0, 0.0]]
    """

    def __init__(self, gain: float = 1.0):
        self.gain = check_number("Identity", "gain", gain)

    def sample(self, key: Any, shape: Shape, dtype: Any) -> jax.Array:
        if len(shape) != 2:
            raise ShapeError(f"Identity: expected 2 axes, got the shape {shape}.")
        return self.gain * jnp.eye(*shape, dtype=dtype)
