"""Pooling to m outputs: window i spans `floor(i * size / m)` to `ceil((i + 1) * size / m)`."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from nnlib.ops.convolution import spatial_axes


def adaptive_average_pool(
    x: jax.Array, output_size: Sequence[int], data_format: str = "channels_last"
) -> jax.Array:
    """The means of `output_size` windows that divide the spatial axes as evenly as possible.

    Args:
        x: (batch, *spatial, channels), or (batch, channels, *spatial) for "channels_first".
        output_size: the number of windows on each spatial axis.
        data_format: "channels_last" or "channels_first".

    Returns:
        (batch, *output_size, channels), or with the channels first.

    >>> import jax.numpy as jnp
    >>> adaptive_average_pool(jnp.arange(5.0).reshape(1, 5, 1), (2,)).tolist()
    [[[1.0], [3.0]]]
    """
    for axis, size in zip(spatial_axes(x.ndim, data_format), output_size, strict=True):
        windows, inside = _windows(x, axis, size)
        x = jnp.mean(windows, axis + 1, where=inside)
    return x


def adaptive_max_pool(
    x: jax.Array, output_size: Sequence[int], data_format: str = "channels_last"
) -> jax.Array:
    """The largest elements of `output_size` windows, which lie as for `adaptive_average_pool`.

    Args:
        x: (batch, *spatial, channels), or (batch, channels, *spatial) for "channels_first".
        output_size: the number of windows on each spatial axis.
        data_format: "channels_last" or "channels_first".

    Returns:
        (batch, *output_size, channels), or with the channels first.

    >>> import jax.numpy as jnp
    >>> adaptive_max_pool(jnp.arange(5.0).reshape(1, 5, 1), (2,)).tolist()
    [[[2.0], [4.0]]]
    """
    for axis, size in zip(spatial_axes(x.ndim, data_format), output_size, strict=True):
        windows, _ = _windows(x, axis, size)
        x = jnp.max(windows, axis + 1)
    return x


def _windows(x: jax.Array, axis: int, count: int) -> tuple[jax.Array, jax.Array | None]:
    """`axis` split into `count` windows, which get an axis behind it; and what lies inside them.

    A window that is shorter than others repeats its last element.
    """
    size = x.shape[axis]
    if isinstance(size, int) and size % count == 0:
        shape = (*x.shape[:axis], count, size // count, *x.shape[axis + 1 :])
        return jnp.reshape(x, shape), None
    number = jnp.arange(count)
    first = number * size // count
    last = -((-(number + 1) * size) // count) - 1
    places = first[:, None] + jnp.arange(-(-size // count) + 1)[None, :]
    inside = jnp.expand_dims(places <= last[:, None], _others(x.ndim + 1, axis))
    return jnp.take(x, jnp.minimum(places, last[:, None]), axis, mode="clip"), inside


def _others(ndim: int, axis: int) -> tuple[int, ...]:
    """All axes but `axis` and the one behind it."""
    return tuple(a for a in range(ndim) if a not in (axis, axis + 1))
