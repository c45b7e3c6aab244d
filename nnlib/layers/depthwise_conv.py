"""DepthwiseConv2D: every channel has filters of its own."""

from typing import Any

import jax

from nnlib.layers.checks import int_tuple, positive_int
from nnlib.layers.conv import known_channels
from nnlib.layers.spatial import SpatialLayer, checked_padding
from nnlib.layers.weight_arguments import (
    keep_weight_arguments,
    resolved_activation,
    weight_of,
)
from nnlib.ops.convolution import depthwise_conv


class BaseDepthwiseConv(SpatialLayer):
    """`activation(depthwise_conv(x, kernel) + bias)` over any number of spatial axes."""

    kernel: jax.Array
    bias: jax.Array

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
        own = type(self).__name__
        self.kernel_size = int_tuple(own, "kernel_size", kernel_size, self.rank)
        self.strides = int_tuple(own, "strides", strides, self.rank)
        self.padding = checked_padding(own, padding)
        self.depth_multiplier = positive_int(own, "depth_multiplier", depth_multiplier)
        self.dilation_rate = int_tuple(own, "dilation_rate", dilation_rate, self.rank)
        self.activation = resolved_activation(self, activation)
        self.use_bias = bool(use_bias)
        keep_weight_arguments(
            self, "depthwise", depthwise_initializer, depthwise_regularizer, depthwise_constraint
        )
        keep_weight_arguments(self, "bias", bias_initializer, bias_regularizer, bias_constraint)

    def build(self, x: Any) -> None:
        channels = known_channels(self, x)
        shape = (*self.kernel_size, channels, self.depth_multiplier)
        axes = (*(None,) * self.rank, "out", None)
        self.kernel = weight_of(self, "depthwise", shape, axes=axes)
        if self.use_bias:
            units = channels * self.depth_multiplier
            self.bias = weight_of(self, "bias", (units,), axes=("out",))

    def call(self, x: jax.Array) -> jax.Array:
        if self.padding == "valid":
            self.check_windows(x.shape, self.kernel_size, self.dilation_rate)
        y = depthwise_conv(
            x,
            self.kernel,
            self.bias if self.use_bias else None,
            strides=self.strides,
            padding=self.padding,
            dilation=self.dilation_rate,
            data_format=self.data_format,
        )
        return y if self.activation is None else self.activation(y)


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
