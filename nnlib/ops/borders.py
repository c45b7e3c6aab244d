"""Zeros around the spatial axes, and their ends cut off."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from nnlib.ops.convolution import spatial_axes

Pairs = Sequence[tuple[int, int]]


def zero_pad(x: jax.Array, padding: Pairs, data_format: str = "channels_last") -> jax.Array:
    """Zeros in front of and behind each spatial axis.

    Args:
        x: (batch, *spatial, channels), or (batch, channels, *spatial) for "channels_first".
        padding: how many in front and behind, a pair for each spatial axis.
        data_format: "channels_last" or "channels_first".

    Returns:
        x with longer spatial axes.

    >>> import jax.numpy as jnp
    >>> zero_pad(jnp.ones((1, 2, 1)), [(1, 0)]).tolist()
    [[[0.0], [1.0], [1.0]]]
    """
    widths = [(0, 0)] * x.ndim
    for axis, pair in zip(spatial_axes(x.ndim, data_format), padding, strict=True):
        widths[axis] = pair
    return jnp.pad(x, widths)


def crop(x: jax.Array, cropping: Pairs, data_format: str = "channels_last") -> jax.Array:
    """Elements cut off at the front and the end of each spatial axis.

    Args:
        x: (batch, *spatial, channels), or (batch, channels, *spatial) for "channels_first".
        cropping: how many at the front and at the end, a pair for each spatial axis.
        data_format: "channels_last" or "channels_first".

    Returns:
        x with shorter spatial axes.

    >>> import jax.numpy as jnp
    >>> crop(jnp.arange(4.0).reshape(1, 4, 1), [(1, 0)]).tolist()
    [[[1.0], [2.0], [3.0]]]
    """
    for axis, (front, end) in zip(spatial_axes(x.ndim, data_format), cropping, strict=True):
        x = jax.lax.slice_in_dim(x, front, x.shape[axis] - end, axis=axis)
    return x
