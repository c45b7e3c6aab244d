"""Shapes: vectors that go along one axis, flattening, and reshaping behind the batch axis."""

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp


def along_axis(vector: jax.Array, ndim: int, axis: int = -1) -> jax.Array:
    """A vector with `ndim` axes, all of size 1 but `axis`: ready to be added or multiplied.

    Written out, so that nothing is broadcast by accident.

    Args:
        vector: (n,).
        ndim: the number of axes to have.
        axis: where n goes.

    Returns:
        (1, ..., n, ..., 1).

    >>> import jax.numpy as jnp
    >>> along_axis(jnp.ones(3), 4, 1).shape
    (1, 3, 1, 1)
    """
    axis %= ndim
    return jnp.expand_dims(vector, tuple(a for a in range(ndim) if a != axis))


def flatten(x: jax.Array, channels_first: bool = False) -> jax.Array:
    """`(batch, ...)` to `(batch, features)`.

    Args:
        x: (batch, ...).
        channels_first: whether axis 1 holds channels, which are then moved to the end first.

    Returns:
        (batch, features); (batch, 1) where there was only a batch.

    >>> import jax.numpy as jnp
    >>> flatten(jnp.ones((2, 3, 4))).shape
    (2, 12)
    """
    if channels_first and x.ndim > 2:
        x = jnp.moveaxis(x, 1, -1)
    return jnp.reshape(x, (x.shape[0], math.prod(x.shape[1:])))


def reshape(x: jax.Array, target_shape: Sequence[int]) -> jax.Array:
    """Every axis but the batch in a new shape, of which one size may be -1: whatever is left.

    Args:
        x: (batch, ...).
        target_shape: the sizes behind the batch axis.

    Returns:
        (batch, *target_shape).

    >>> import jax.numpy as jnp
    >>> reshape(jnp.ones((2, 12)), (-1, 4)).shape
    (2, 3, 4)
    """
    if -1 in target_shape:
        known = math.prod(size for size in target_shape if size != -1)
        rest = math.prod(x.shape[1:]) // known
        target_shape = [rest if size == -1 else size for size in target_shape]
    return jnp.reshape(x, (x.shape[0], *target_shape))
