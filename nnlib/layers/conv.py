"""Conv1D, Conv2D, Conv3D: filters slid over the spatial axes."""

from typing import Any

import jax

from nnlib.core.errors import ArgumentError, ShapeError
from nnlib.layers.checks import place_of, positive_int
from nnlib.layers.convolving import ConvolvingLayer
from nnlib.layers.lora import LowRank
from nnlib.layers.weight_arguments import keep_weight_arguments, weight_of
from nnlib.ops.convolution import conv


class BaseConv(LowRank, ConvolvingLayer):
    """`activation(conv(x, kernel) + bias)` over any number of spatial axes."""

    kernel: jax.Array

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
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
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
            dilation_rate: distance between the elements of the window; above 1 only if all
                strides are 1.
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
            lora_rank: if given, the kernel is frozen, and `lora_alpha / lora_rank * a @ b` is
                added to it, where a and b of this rank are trained; see `enable_lora`.
            lora_alpha: scales what is added; lora_rank if None.
            kwargs: name, trainable, dtype.
        """
        super().__init__(data_format, activity_regularizer=activity_regularizer, **kwargs)
        own = type(self).__name__
        self.filters = positive_int(own, "filters", filters)
        self.keep_window(kernel_size, strides, padding, dilation_rate)
        self.refuse_strides_with_dilation()
        self.groups = positive_int(own, "groups", groups)
        if self.filters % self.groups:
            raise ArgumentError(
                f"{own}: expected groups to divide filters={filters}, got {groups!r}."
            )
        self.keep_output(activation, use_bias, bias_initializer, bias_regularizer, bias_constraint)
        keep_weight_arguments(
            self, "kernel", kernel_initializer, kernel_regularizer, kernel_constraint
        )
        self.keep_lora(lora_rank, lora_alpha)

    def build(self, x: Any) -> None:
        channels = self.known_channels(x)
        if channels % self.groups:
            raise ShapeError(
                f"{place_of(self)}: expected a number of channels that groups={self.groups} "
                f"divides, got shape {x.shape}."
            )
        shape = (*self.kernel_size, channels // self.groups, self.filters)
        axes = (*(None,) * self.rank, "in", "out")
        self.kernel = weight_of(self, "kernel", shape, axes=axes)
        self.build_bias(self.filters)
        self.declare_lora()

    def convolved(self, x: jax.Array, bias: jax.Array | None) -> jax.Array:
        return conv(
            x,
            self.adapted(),
            bias,
            strides=self.strides,
            padding=self.padding,
            dilation=self.dilation_rate,
            groups=self.groups,
            data_format=self.data_format,
        )


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


class Conv3D(BaseConv):
    """Convolution over volumes, each filter summing a window over all channels.

    `Conv3D(filters, kernel_size, ...)`; all arguments are listed at `Conv3D.__init__`.

    Input shape:
        (batch, depth, height, width, channels), or (batch, channels, depth, height, width) for
        "channels_first".

    Output shape:
        (batch, new_depth, new_height, new_width, filters), or with the filters first.

    Raises:
        ShapeError: if the channels differ from those it was built for, or the window is larger
            than the input.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.Conv3D(4, 3)(jnp.ones((2, 5, 5, 5, 1))).shape
    (2, 3, 3, 3, 4)

    Source: Tran et al., "Learning spatiotemporal features with 3D convolutional networks", 2015.
    """

    rank = 3


Convolution1D, Convolution2D, Convolution3D = Conv1D, Conv2D, Conv3D
