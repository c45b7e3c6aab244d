"""Random arrays of any shape, without a compilation for each shape."""

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from nnlib.core.compat import is_traced
from nnlib.initializers.initializer import Shape


def uniform(key: Any, shape: Shape, dtype: Any, low: float, high: float) -> jax.Array:
    """`jax.random.uniform`."""
    return _drawn("uniform", key, shape, dtype, low, high)


def normal(key: Any, shape: Shape, dtype: Any, mean: float, stddev: float) -> jax.Array:
    """`mean + stddev * jax.random.normal(...)`."""
    return _drawn("normal", key, shape, dtype, mean, stddev)


def truncated_normal(key: Any, shape: Shape, dtype: Any, mean: float, stddev: float) -> jax.Array:
    """`mean + stddev * jax.random.truncated_normal(...)`, cut at -2 and 2 before."""
    return _drawn("truncated_normal", key, shape, dtype, mean, stddev)


def _drawn(kind: str, key: Any, shape: Shape, dtype: Any, *numbers: float) -> jax.Array:
    """The draw that JAX makes for this shape.

    A large network has dozens of shapes, and XLA takes longer to compile a draw than to make it. Of
    partitionable keys element i of a draw depends on i alone, so that outside of a trace the
    beginning of a longer, flat draw will do, whose size is one of few.
    """
    name = jnp.dtype(dtype).name
    if is_traced() or not _element_by_element(key):
        return _KINDS[kind](key, shape, name, *numbers)
    size = math.prod(shape)
    flat = np.asarray(_flat(kind, key, _at_least(size), name, *numbers))
    return jnp.array(flat[:size].reshape(shape))


def _at_least(size: int) -> int:
    """One of few sizes: a power of 2; of 8 below half a million, where draws cost nothing."""
    bits = max(10, (size - 1).bit_length())
    return 1 << (bits if bits > 19 else 10 + -(-(bits - 10) // 3) * 3)


def _element_by_element(key: Any) -> bool:
    """Whether element i of a draw depends on the key and i alone."""
    flags: Any = jax.config
    threefry = str(jax.random.key_impl(key)) == "threefry2x32"
    return threefry and bool(flags.jax_threefry_partitionable)


@functools.partial(jax.jit, static_argnums=(0, 2, 3))
def _flat(kind: str, key: Any, size: int, dtype: str, *numbers: Any) -> jax.Array:
    return _KINDS[kind](key, (size,), dtype, *numbers)


def _normal(key: Any, shape: Shape, dtype: str, mean: Any, stddev: Any) -> jax.Array:
    return mean + stddev * jax.random.normal(key, shape, dtype)


def _truncated_normal(key: Any, shape: Shape, dtype: str, mean: Any, stddev: Any) -> jax.Array:
    return mean + stddev * jax.random.truncated_normal(key, -2.0, 2.0, shape, dtype)


_KINDS: dict[str, Any] = {
    "uniform": jax.random.uniform,
    "normal": _normal,
    "truncated_normal": _truncated_normal,
}
