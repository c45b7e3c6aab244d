"""Conv1D, Conv2D: filters slid over the spatial axes."""

from typing import Any

import jax

from nnlib.core.errors import ArgumentError, ShapeError
from nnlib.core.specs import InputSpec
from nnlib.layers.checks import int_tuple, place_of, positive_int
from nnlib.layers.spatial import SpatialLayer, checked_padding
from nnlib.layers.weight_arguments import (
    keep_weight_arguments,
    resolved_activation,
    weight_of,
)
from nnlib.ops.convolution import conv


class BaseConv(SpatialLayer):
    """`activation(conv(x, kernel) + bias)` over any number of spatial axes."""

    kernel: jax.Array
    bias: jax.Array
    paddings: tuple[str, ...] = ("valid", "same")

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        groups: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ):
        """Configure the layer.

        Args:
            filters: number of output channels.
            kernel_size: of the window, one number or one for each spatial axis.
            strides: steps of the window, likewise.
            padding: "valid" (none) or "same" (output of size ceil(input / stride)); Conv1D also
                takes "causal" (output i sees inputs up to i).
            data_format: "channels_last" or "channels_first"; None for the global setting.
            dilation_rate: distance between the elements of the window.
            groups: blocks of channels that are convolved apart; divides channels and filters.
            activation: a name or function; None for the identity.
            use_bias: whether a bias is added.
            kernel_initializer: of the (*kernel_size, channels / groups, filters) kernel.
            bias_initializer: of the (filters,) bias.
            kernel_regularizer: a penalty on the kernel.
            bias_regularizer: a penalty on the bias.
            activity_regularizer: a penalty on the output.
            kernel_constraint: a projection of the kernel after each update.
            bias_constraint: a projection of the bias after each update.
            kwargs: name, trainable, dtype.
        """
        super().__init__(data_format, activity_regularizer=activity_regularizer, **kwargs)
        own = type(self).__name__
        self.filters = positive_int(own, "filters", filters)
        self.kernel_size = int_tuple(own, "kernel_size", kernel_size, self.rank)
        self.strides = int_tuple(own, "strides", strides, self.rank)
        self.padding = checked_padding(own, padding, self.paddings)
        self.dilation_rate = int_tuple(own, "dilation_rate", dilation_rate, self.rank)
        self.groups = positive_int(own, "groups", groups)
        if self.filters % self.groups:
            raise ArgumentError(
                f"{own}: expected groups to divide filters={filters}, got {groups!r}."
            )
        self.activation = resolved_activation(self, activation)
        self.use_bias = bool(use_bias)
        keep_weight_arguments(
            self, "kernel", kernel_initializer, kernel_regularizer, kernel_constraint
        )
        keep_weight_arguments(self, "bias", bias_initializer, bias_regularizer, bias_constraint)

    def build(self, x: Any) -> None:
        channels = known_channels(self, x)
        if channels % self.groups:
            raise ShapeError(
                f"{place_of(self)}: expected a number of channels that groups={self.groups} "
                f"divides, got shape {x.shape}."
            )
        shape = (*self.kernel_size, channels // self.groups, self.filters)
        axes = (*(None,) * self.rank, "in", "out")
        self.kernel = weight_of(self, "kernel", shape, axes=axes)
        if self.use_bias:
            self.bias = weight_of(self, "bias", (self.filters,), axes=("out",))

    def call(self, x: jax.Array) -> jax.Array:
        if self.padding == "valid":
            self.check_windows(x.shape, self.kernel_size, self.dilation_rate)
        y = conv(
            x,
            self.kernel,
            self.bias if self.use_bias else None,
            strides=self.strides,
            padding=self.padding,
            dilation=self.dilation_rate,
            groups=self.groups,
            data_format=self.data_format,
        )
        return y if self.activation is None else self.activation(y)


def known_channels(layer: SpatialLayer, x: Any) -> int:
    """The number of channels; sets the `input_spec` that later inputs must meet."""
    ndim, place = layer.rank + 2, place_of(layer)
    InputSpec(ndim=ndim).check(x, place)
    channels = x.shape[layer.channel_axis]
    if channels is None:
        raise ShapeError(
            f"{place}: expected a known number of channels on axis {layer.channel_axis}, "
            f"got shape {x.shape}. Give Input() that size."
        )
    layer.input_spec = InputSpec(ndim=ndim, axes={layer.channel_axis: channels})
    return channels


class Conv1D(BaseConv):
    """Convolution over time: each filter sums a window over all channels.

    `Conv1D(filters, kernel_size, ...)`; all arguments are listed at `Conv1D.__init__`.

    Input shape:
        (batch, time, channels), or (batch, channels, time) for "channels_first".

    Output shape:
        (batch, new_time, filters), or (batch, filters, new_time).

    Raises:
        ShapeError: if the channels differ from those it was built for, or the window is larger
            than the input.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.Conv1D(4, 3, padding="causal")(jnp.ones((2, 10, 3))).shape
    (2, 10, 4)

    Source: van den Oord et al., "WaveNet", 2016 (causal).
    """

    rank = 1
    paddings = ("valid", "same", "causal")


class Conv2D(BaseConv):
    """Convolution over images, each filter summing a window over all channels.

    `Conv2D(filters, kernel_size, ...)`; all arguments are listed at `Conv2D.__init__`.

    Input shape:
        (batch, height, width, channels), or (batch, channels, height, width) for "channels_first".

    Output shape:
        (batch, new_height, new_width, filters), or (batch, filters, new_height, new_width).

    Raises:
        ShapeError: if the channels differ from those it was built for, or the window is larger
            than the input.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.Conv2D(4, 3, activation="relu")(jnp.ones((2, 8, 8, 3))).shape
    (2, 6, 6, 4)

    Source: LeCun et al., Proceedings of the IEEE 1998.
    """

    rank = 2


Convolution1D, Convolution2D = Conv1D, Conv2D
