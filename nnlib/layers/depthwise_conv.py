"""DepthwiseConv1D, DepthwiseConv2D: every channel has filters of its own."""

from typing import Any

import jax

from nnlib.layers.checks import positive_int
from nnlib.layers.convolving import ConvolvingLayer
from nnlib.layers.weight_arguments import keep_weight_arguments, weight_of
from nnlib.ops.convolution import depthwise_conv


class BaseDepthwiseConv(ConvolvingLayer):
    """`activation(depthwise_conv(x, kernel) + bias)` over any number of spatial axes."""

    kernel: jax.Array

    def __init__(
        self,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ):
        """Configure the layer.

        Args:
            kernel_size: of the window, one number or one for each spatial axis.
            strides: steps of the window, likewise.
            padding: "valid" (none) or "same" (output of size ceil(input / stride)).
            depth_multiplier: filters for each channel.
            data_format: "channels_last" or "channels_first"; None for the global setting.
            dilation_rate: distance between the elements of the window.
            activation: a name or function; None for the identity.
            use_bias: whether a bias is added.
            depthwise_initializer: of the (*kernel_size, channels, depth_multiplier) kernel.
            bias_initializer: of the (channels * depth_multiplier,) bias.
            depthwise_regularizer: a penalty on the kernel.
            bias_regularizer: a penalty on the bias.
            activity_regularizer: a penalty on the output.
            depthwise_constraint: a projection of the kernel after each update.
            bias_constraint: a projection of the bias after each update.
            kwargs: name, trainable, dtype.
        """
        super().__init__(data_format, activity_regularizer=activity_regularizer, **kwargs)
        self.keep_window(kernel_size, strides, padding, dilation_rate)
        self.depth_multiplier = positive_int(
            type(self).__name__, "depth_multiplier", depth_multiplier
        )
        self.keep_output(activation, use_bias, bias_initializer, bias_regularizer, bias_constraint)
        keep_weight_arguments(
            self, "depthwise", depthwise_initializer, depthwise_regularizer, depthwise_constraint
        )

    def build(self, x: Any) -> None:
        channels = self.known_channels(x)
        shape = (*self.kernel_size, channels, self.depth_multiplier)
        axes = (*(None,) * self.rank, "out", None)
        self.kernel = weight_of(self, "depthwise", shape, axes=axes)
        self.build_bias(channels * self.depth_multiplier)

    def convolved(self, x: jax.Array, bias: jax.Array | None) -> jax.Array:
        return depthwise_conv(
            x,
            self.kernel,
            bias,
            strides=self.strides,
            padding=self.padding,
            dilation=self.dilation_rate,
            data_format=self.data_format,
        )


class DepthwiseConv1D(BaseDepthwiseConv):
    """Convolution of each channel of a sequence on its own: channels are not mixed.

    `DepthwiseConv1D(kernel_size, ...)`; all arguments are listed at `DepthwiseConv1D.__init__`.

    Input shape:
        (batch, time, channels), or (batch, channels, time) for "channels_first".

    Output shape:
        (batch, new_time, channels * depth_multiplier), or with the channels first.

    Raises:
        ShapeError: if the channels differ from those it was built for, or the window is larger
            than the input.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.DepthwiseConv1D(3, depth_multiplier=2)(jnp.ones((2, 8, 3))).shape
    (2, 6, 6)

    Source: Howard et al., "MobileNets", 2017.
    """

    rank = 1


class DepthwiseConv2D(BaseDepthwiseConv):
    """Convolution of each channel of an image on its own: channels are not mixed.

    `DepthwiseConv2D(kernel_size, ...)`; all arguments are listed at `DepthwiseConv2D.__init__`.

    Input shape:
        (batch, height, width, channels), or (batch, channels, height, width) for "channels_first".

    Output shape:
        (batch, new_height, new_width, channels * depth_multiplier), or with the channels first.

    Raises:
        ShapeError: if the channels differ from those it was built for, or the window is larger
            than the input.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.DepthwiseConv2D(3, depth_multiplier=2)(jnp.ones((2, 8, 8, 3))).shape
    (2, 6, 6, 6)

    Source: Howard et al., "MobileNets", 2017.
    """

    rank = 2
