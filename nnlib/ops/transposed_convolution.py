"""Transposed convolutions: windows are written instead of read."""

import jax
import jax.numpy as jnp

from nnlib.ops.convolution import (
    Sizes,
    conv_axes,
    per_axis,
    spatial_axes,
    window_reach,
)
from nnlib.ops.partitioning import with_whole_axes
from nnlib.ops.shaping import along_axis


def conv_transpose(
    x: jax.Array,
    kernel: jax.Array,
    bias: jax.Array | None = None,
    *,
    strides: Sizes = 1,
    padding: str = "valid",
    output_padding: Sizes | None = None,
    dilation: Sizes = 1,
    data_format: str = "channels_last",
) -> jax.Array:
    r"""`y[n, p * strides + k * dilation - cut, f] += x[n, p, c] kernel[k, f, c]`, and a bias.

    The gradient of `conv` by its input: each input element writes a window of outputs. For "valid"
    nothing is cut off in front, and the output has `(size - 1) * stride + reach + output_padding`
    elements, where `reach = (window - 1) * dilation + 1`; for "same" it has
    `(size - 1) * stride + reach % 2 + output_padding`.

    Args:
        x: (batch, *spatial, channels), or (batch, channels, *spatial) for "channels_first".
        kernel: (*window, filters, channels), whatever the data format.
        bias: (filters,) or None.
        strides: steps between the windows, for each spatial axis or for all.
        padding: "valid" or "same".
        output_padding: elements added at the end, likewise; None for as many as make the output
            cover every stride ("valid"), or of size input * stride ("same").
        dilation: distance between the elements of the window.
        data_format: "channels_last" or "channels_first".

    Returns:
        (batch, *new_spatial, filters), or with the channels first.

    >>> import jax.numpy as jnp
    >>> conv_transpose(jnp.ones((1, 4, 4, 3)), jnp.ones((3, 3, 2, 3)), strides=2).shape
    (1, 9, 9, 2)

    Source: Dumoulin & Visin, "A guide to convolution arithmetic", 2016.
    """
    rank = kernel.ndim - 2
    strides, dilation = per_axis(strides, rank), per_axis(dilation, rank)
    extra = [None] * rank if output_padding is None else per_axis(output_padding, rank)
    reach = [window_reach(k, d) for k, d in zip(kernel.shape[:rank], dilation, strict=True)]
    dtype = jnp.result_type(x, kernel)
    spatial = spatial_axes(x.ndim, data_format)
    image, window, _ = conv_axes(rank, data_format)
    y = jax.lax.conv_general_dilated(
        with_whole_axes(x, spatial).astype(dtype),
        jnp.flip(with_whole_axes(kernel, range(rank)), range(rank)).astype(dtype),
        window_strides=(1,) * rank,
        padding=[
            transposed_padding(r, s, padding, more)
            for r, s, more in zip(reach, strides, extra, strict=True)
        ],
        lhs_dilation=strides,
        rhs_dilation=dilation,
        dimension_numbers=(image, window.replace("IO", "OI"), image),
    )
    y = with_whole_axes(y, spatial)
    axis = 1 if data_format == "channels_first" else -1
    return y if bias is None else y + along_axis(bias, y.ndim, axis)


def transposed_padding(
    reach: int, stride: int, padding: str, output_padding: int | None
) -> tuple[int, int]:
    """What to add in front of and behind an axis spread by `stride`, for a window of `reach`.

    >>> transposed_padding(3, 2, "same", None)
    (2, 1)
    """
    if padding == "valid":
        more = max(stride - reach, 0) if output_padding is None else output_padding
        return reach - 1, reach - 1 + more
    total = reach + (stride - 2 if output_padding is None else reach % 2 - 2 + output_padding)
    front = min((total + 1) // 2, reach - 1)
    return front, total - front


def transposed_size(
    size: int, reach: int, stride: int, padding: str, output_padding: int | None
) -> int:
    """How many elements of an axis a transposed convolution makes of `size`.

    >>> transposed_size(4, 3, 2, "same", None)
    8
    """
    return (
        (size - 1) * stride
        + 2
        - reach
        + sum(transposed_padding(reach, stride, padding, output_padding))
    )
