"""Separable convolutions: each channel on its own, then a mix of channels."""

import jax

from nnlib.ops.convolution import Sizes, conv, depthwise_conv


def separable_conv(
    x: jax.Array,
    depthwise_kernel: jax.Array,
    pointwise_kernel: jax.Array,
    bias: jax.Array | None = None,
    *,
    strides: Sizes = 1,
    padding: str = "valid",
    dilation: Sizes = 1,
    data_format: str = "channels_last",
) -> jax.Array:
    """`conv(depthwise_conv(x, depthwise_kernel), pointwise_kernel) + bias`.

    Args:
        x: (batch, *spatial, channels), or (batch, channels, *spatial) for "channels_first".
        depthwise_kernel: (*window, channels, multiplier).
        pointwise_kernel: (*ones, channels * multiplier, filters).
        bias: (filters,) or None.
        strides: steps of the depthwise window, for each spatial axis or for all.
        padding: "valid" or "same".
        dilation: distance between the elements of the depthwise window.
        data_format: "channels_last" or "channels_first".

    Returns:
        (batch, *new_spatial, filters), or with the channels first.

    >>> import jax.numpy as jnp
    >>> x, depthwise = jnp.ones((1, 8, 8, 3)), jnp.ones((3, 3, 3, 2))
    >>> separable_conv(x, depthwise, jnp.ones((1, 1, 6, 4))).shape
    (1, 6, 6, 4)

    Source: Chollet, "Xception", CVPR 2017.
    """
    each = depthwise_conv(
        x,
        depthwise_kernel,
        strides=strides,
        padding=padding,
        dilation=dilation,
        data_format=data_format,
    )
    return conv(each, pointwise_kernel, bias, data_format=data_format)
