"""Windows over spatial axes, reduced to their maximum or mean."""

import math

import jax
import jax.numpy as jnp

from nnlib.ops.convolution import Sizes, per_axis, spatial_axes
from nnlib.ops.partitioning import with_whole_axes


def max_pool(
    x: jax.Array,
    pool_size: Sizes = 2,
    strides: Sizes | None = None,
    padding: str = "valid",
    data_format: str = "channels_last",
) -> jax.Array:
    """The largest element of each window.

    Args:
        x: (batch, *spatial, channels), or (batch, channels, *spatial) for "channels_first".
        pool_size: of the window, for each spatial axis or for all.
        strides: steps of the window; `pool_size` if None.
        padding: "valid" (none) or "same" (output of size ceil(input / stride)).
        data_format: "channels_last" or "channels_first".

    Returns:
        (batch, *new_spatial, channels), or with the channels first.

    >>> import jax.numpy as jnp
    >>> max_pool(jnp.arange(4.0).reshape(1, 2, 2, 1)).tolist()
    [[[[3.0]]]]
    """
    integers = jnp.issubdtype(x.dtype, jnp.integer)
    lowest = x.dtype.type(jnp.iinfo(x.dtype).min) if integers else -jnp.inf
    window = _on_spatial_axes(pool_size, x.ndim, data_format)
    steps = window if strides is None else _on_spatial_axes(strides, x.ndim, data_format)
    axes = spatial_axes(x.ndim, data_format)
    x = with_whole_axes(x, axes)
    y = jax.lax.reduce_window(x, lowest, jax.lax.max, window, steps, padding.upper())
    return with_whole_axes(y, axes)


def average_pool(
    x: jax.Array,
    pool_size: Sizes = 2,
    strides: Sizes | None = None,
    padding: str = "valid",
    data_format: str = "channels_last",
) -> jax.Array:
    """The mean of each window; what "same" pads is not counted.

    Args:
        x: as for `max_pool`.
        pool_size: likewise.
        strides: likewise.
        padding: likewise.
        data_format: likewise.

    Returns:
        (batch, *new_spatial, channels), or with the channels first.

    >>> import jax.numpy as jnp
    >>> average_pool(jnp.arange(4.0).reshape(1, 2, 2, 1)).tolist()
    [[[[1.5]]]]
    """
    x = x if jnp.issubdtype(x.dtype, jnp.floating) else x.astype(jnp.float32)
    window = _on_spatial_axes(pool_size, x.ndim, data_format)
    steps = window if strides is None else _on_spatial_axes(strides, x.ndim, data_format)

    spatial = spatial_axes(x.ndim, data_format)

    def window_sums(array: jax.Array) -> jax.Array:
        array = with_whole_axes(array, spatial)
        y = jax.lax.reduce_window(array, 0.0, jax.lax.add, window, steps, padding.upper())
        return with_whole_axes(y, spatial)

    if padding.lower() == "valid":
        return window_sums(x) / math.prod(window)
    shape = [x.shape[axis] if axis in spatial else 1 for axis in range(x.ndim)]
    return window_sums(x) / window_sums(jnp.ones(shape, x.dtype))


def _on_spatial_axes(sizes: Sizes, ndim: int, data_format: str) -> tuple[int, ...]:
    """`sizes` on the spatial axes, 1 on batch and channels."""
    whole = [1] * ndim
    axes = spatial_axes(ndim, data_format)
    for axis, size in zip(axes, per_axis(sizes, len(axes)), strict=True):
        whole[axis] = size
    return tuple(whole)
