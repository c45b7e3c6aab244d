"""SeparableConv1D, SeparableConv2D: each channel on its own, then a mix of channels."""

from typing import Any

import jax

from nnlib.layers.checks import positive_int
from nnlib.layers.convolving import ConvolvingLayer
from nnlib.layers.weight_arguments import keep_weight_arguments, weight_of
from nnlib.ops.separable_convolution import separable_conv


class BaseSeparableConv(ConvolvingLayer):
    """`activation(separable_conv(x, depthwise_kernel, pointwise_kernel) + bias)`."""

    depthwise_kernel: jax.Array
    pointwise_kernel: jax.Array

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        depth_multiplier: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        pointwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        pointwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        pointwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ):
        """Configure the layer.

        Args:
            filters: number of output channels.
            kernel_size: of the window, one number or one for each spatial axis.
            strides: steps of the window, likewise.
            padding: "valid" (none) or "same" (output of size ceil(input / stride)).
            data_format: "channels_last" or "channels_first"; None for the global setting.
            dilation_rate: distance between the elements of the window.
            depth_multiplier: filters for each channel before they are mixed.
            activation: a name or function; None for the identity.
            use_bias: whether a bias is added.
            depthwise_initializer: of the (*kernel_size, channels, depth_multiplier) kernel.
            pointwise_initializer: of the (*ones, channels * depth_multiplier, filters) kernel.
            bias_initializer: of the (filters,) bias.
            depthwise_regularizer: a penalty on the depthwise kernel.
            pointwise_regularizer: a penalty on the pointwise kernel.
            bias_regularizer: a penalty on the bias.
            activity_regularizer: a penalty on the output.
            depthwise_constraint: a projection of the depthwise kernel after each update.
            pointwise_constraint: a projection of the pointwise kernel after each update.
            bias_constraint: a projection of the bias after each update.
            kwargs: name, trainable, dtype.
        """
        super().__init__(data_format, activity_regularizer=activity_regularizer, **kwargs)
        own = type(self).__name__
        self.filters = positive_int(own, "filters", filters)
        self.keep_window(kernel_size, strides, padding, dilation_rate)
        self.depth_multiplier = positive_int(own, "depth_multiplier", depth_multiplier)
        self.keep_output(activation, use_bias, bias_initializer, bias_regularizer, bias_constraint)
        keep_weight_arguments(
            self, "depthwise", depthwise_initializer, depthwise_regularizer, depthwise_constraint
        )
        keep_weight_arguments(
            self, "pointwise", pointwise_initializer, pointwise_regularizer, pointwise_constraint
        )

    def build(self, x: Any) -> None:
        channels = self.known_channels(x)
        shape = (*self.kernel_size, channels, self.depth_multiplier)
        free = (None,) * self.rank
        self.depthwise_kernel = weight_of(self, "depthwise", shape, axes=(*free, "in", None))
        shape = (*(1,) * self.rank, channels * self.depth_multiplier, self.filters)
        self.pointwise_kernel = weight_of(self, "pointwise", shape, axes=(*free, "in", "out"))
        self.build_bias(self.filters)

    def convolved(self, x: jax.Array, bias: jax.Array | None) -> jax.Array:
        return separable_conv(
            x,
            self.depthwise_kernel,
            self.pointwise_kernel,
            bias,
            strides=self.strides,
            padding=self.padding,
            dilation=self.dilation_rate,
            data_format=self.data_format,
        )


class SeparableConv1D(BaseSeparableConv):
    """Convolution over time in two parts: each channel on its own, then a mix of channels.

    `SeparableConv1D(filters, kernel_size, ...)`; all arguments are listed at
    `SeparableConv1D.__init__`.

    Input shape:
        (batch, time, channels), or (batch, channels, time) for "channels_first".

    Output shape:
        (batch, new_time, filters), or (batch, filters, new_time).

    Raises:
        ShapeError: if the channels differ from those it was built for, or the window is larger
            than the input.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.SeparableConv1D(4, 3)(jnp.ones((2, 8, 3))).shape
    (2, 6, 4)

    Source: Chollet, "Xception", CVPR 2017.
    """

    rank = 1


class SeparableConv2D(BaseSeparableConv):
    """Convolution over images in two parts: each channel on its own, then a mix of channels.

    `SeparableConv2D(filters, kernel_size, ...)`; all arguments are listed at
    `SeparableConv2D.__init__`.

    Input shape:
        (batch, height, width, channels), or (batch, channels, height, width) for "channels_first".

    Output shape:
        (batch, new_height, new_width, filters), or (batch, filters, new_height, new_width).

    Raises:
        ShapeError: if the channels differ from those it was built for, or the window is larger
            than the input.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.SeparableConv2D(4, 3, depth_multiplier=2)(jnp.ones((2, 8, 8, 3))).shape
    (2, 6, 6, 4)

    Source: Chollet, "Xception", CVPR 2017.
    """

    rank = 2


SeparableConvolution1D, SeparableConvolution2D = SeparableConv1D, SeparableConv2D
