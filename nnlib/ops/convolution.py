"""Convolutions over any number of spatial axes."""

import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from nnlib.ops.partitioning import by_rows, with_whole_axes
from nnlib.ops.shaping import along_axis

Sizes = int | Sequence[int]


def per_axis(value: Sizes, rank: int) -> tuple[int, ...]:
    """One number for each of `rank` axes.

    >>> per_axis(2, 3)
    (2, 2, 2)
    """
    return (value,) * rank if isinstance(value, int) else tuple(value)


def window_reach(size: int, dilation: int = 1) -> int:
    """How many elements a window spans, those it leaves out included.

    >>> window_reach(3, dilation=2)
    5
    """
    return (size - 1) * dilation + 1


def spatial_axes(ndim: int, data_format: str = "channels_last") -> tuple[int, ...]:
    """The axes that are neither batch nor channels.

    >>> spatial_axes(4, "channels_first")
    (2, 3)
    """
    return tuple(range(2, ndim) if data_format == "channels_first" else range(1, ndim - 1))


def conv(
    x: jax.Array,
    kernel: jax.Array,
    bias: jax.Array | None = None,
    *,
    strides: Sizes = 1,
    padding: str = "valid",
    dilation: Sizes = 1,
    groups: int = 1,
    data_format: str = "channels_last",
) -> jax.Array:
    r"""`y[n, p, f] = bias[f] + sum_{k, c} x[n, p * strides + k * dilation, c] kernel[k, c, f]`.

    Args:
        x: (batch, *spatial, channels), or (batch, channels, *spatial) for "channels_first".
        kernel: (*window, channels / groups, filters), whatever the data format.
        bias: (filters,) or None.
        strides: steps of the window, for each spatial axis or for all.
        padding: "valid" (none), "same" (output of size ceil(input / stride)), or "causal" (one
            spatial axis; output i sees inputs up to i).
        dilation: distance between the elements of the window.
        groups: blocks of channels that are convolved apart from each other.
        data_format: "channels_last" or "channels_first".

    Returns:
        (batch, *new_spatial, filters), or with the channels first.

    >>> import jax.numpy as jnp
    >>> conv(jnp.ones((1, 8, 8, 3)), jnp.ones((3, 3, 3, 4)), strides=2, padding="same").shape
    (1, 4, 4, 4)

    Source: Dumoulin & Visin, "A guide to convolution arithmetic", 2016.
    """
    rank = kernel.ndim - 2
    dilation = per_axis(dilation, rank)
    dtype = jnp.result_type(x, kernel)
    if padding == "same":
        x = _whole_strides(x, kernel.shape[:rank], per_axis(strides, rank), data_format)
    convolve = functools.partial(
        jax.lax.conv_general_dilated,
        window_strides=per_axis(strides, rank),
        padding=_padding(padding, kernel.shape[:rank], dilation),
        rhs_dilation=dilation,
        dimension_numbers=conv_axes(rank, data_format),
        feature_group_count=groups,
    )
    x, kernel = x.astype(dtype), kernel.astype(dtype)
    if groups == 1:
        spatial = spatial_axes(x.ndim, data_format)
        x, kernel = with_whole_axes(x, spatial), with_whole_axes(kernel, range(rank))
        y = with_whole_axes(convolve(x, kernel), spatial)
    else:
        y = by_rows(convolve, x, kernel)
    axis = 1 if data_format == "channels_first" else -1
    return y if bias is None else y + along_axis(bias, y.ndim, axis)


def depthwise_conv(
    x: jax.Array,
    kernel: jax.Array,
    bias: jax.Array | None = None,
    *,
    strides: Sizes = 1,
    padding: str = "valid",
    dilation: Sizes = 1,
    data_format: str = "channels_last",
) -> jax.Array:
    """Every channel convolved on its own, with `multiplier` filters each.

    Args:
        x: as for `conv`.
        kernel: (*window, channels, multiplier).
        bias: (channels * multiplier,) or None.
        strides: as for `conv`.
        padding: "valid" or "same".
        dilation: as for `conv`.
        data_format: as for `conv`.

    Returns:
        (batch, *new_spatial, channels * multiplier), or with the channels first.

    >>> import jax.numpy as jnp
    >>> depthwise_conv(jnp.ones((1, 8, 8, 3)), jnp.ones((3, 3, 3, 2))).shape
    (1, 6, 6, 6)

    Source: Howard et al., "MobileNets", 2017.
    """
    *window, channels, multiplier = kernel.shape
    kernel = jnp.reshape(kernel, (*window, 1, channels * multiplier))
    return conv(
        x,
        kernel,
        bias,
        strides=strides,
        padding=padding,
        dilation=dilation,
        groups=channels,
        data_format=data_format,
    )


def _whole_strides(
    x: jax.Array, window: Sequence[int], strides: Sequence[int], data_format: str
) -> jax.Array:
    """The array with zeros behind it that a window of 1 steps over, where a size is not known.

    JAX writes the size of the output as ceil(size / stride) then, as it does for larger windows.
    Otherwise it could not tell that the sum of such a branch and another one fits.
    """
    first = 2 if data_format == "channels_first" else 1
    widths: list[tuple[int, Any]] = [(0, 0)] * x.ndim
    steps_over = [size == 1 and stride > 1 for size, stride in zip(window, strides, strict=True)]
    for axis, stride in enumerate(strides, start=first):
        if steps_over[axis - first] and not isinstance(x.shape[axis], int):
            widths[axis] = (0, -(-x.shape[axis] // stride) * stride - x.shape[axis])
    return x if all(isinstance(high, int) for _, high in widths) else jnp.pad(x, widths)


def _padding(padding: str, window: Sequence[int], dilation: Sequence[int]) -> Any:
    if padding != "causal":
        return padding.upper()
    return [(window_reach(k, d) - 1, 0) for k, d in zip(window, dilation, strict=True)]


def conv_axes(rank: int, data_format: str) -> tuple[str, str, str]:
    """The dimension numbers of input, kernel and output."""
    spatial = "DHW"[-rank:]
    image = f"NC{spatial}" if data_format == "channels_first" else f"N{spatial}C"
    return image, f"{spatial}IO", image
