"""Conv1DTranspose, Conv2DTranspose, Conv3DTranspose: each input element writes a window."""

from typing import Any

import jax

from nnlib.core.errors import ArgumentError, ShapeError
from nnlib.core.specs import concrete_dims
from nnlib.layers.checks import count, int_tuple, place_of, positive_int
from nnlib.layers.convolving import ConvolvingLayer
from nnlib.layers.weight_arguments import keep_weight_arguments, weight_of
from nnlib.ops.convolution import spatial_axes, window_reach
from nnlib.ops.transposed_convolution import conv_transpose, transposed_size


class BaseConvTranspose(ConvolvingLayer):
    """`activation(conv_transpose(x, kernel) + bias)` over any number of spatial axes."""

    kernel: jax.Array

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        output_padding: Any = None,
        data_format: str | None = None,
        dilation_rate: Any = 1,
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
            strides: steps between the windows in the output, likewise.
            padding: "valid" (outputs of size (input - 1) * stride + window, and no less than
                input * stride) or "same" (of size input * stride).
            output_padding: elements added at the end of each axis instead, likewise, less than the
                strides: sizes are then (input - 1) * stride + window + output_padding for "valid",
                and (input - 1) * stride + window % 2 + output_padding for "same". None for the
                sizes above.
            data_format: "channels_last" or "channels_first"; None for the global setting.
            dilation_rate: distance between the elements of the window; above 1 only if all
                strides are 1.
            activation: a name or function; None for the identity.
            use_bias: whether a bias is added.
            kernel_initializer: of the (*kernel_size, filters, channels) kernel.
            bias_initializer: of the (filters,) bias.
            kernel_regularizer: a penalty on the kernel.
            bias_regularizer: a penalty on the bias.
            activity_regularizer: a penalty on the output.
            kernel_constraint: a projection of the kernel after each update.
            bias_constraint: a projection of the bias after each update.
            kwargs: name, trainable, dtype.
        """
        super().__init__(data_format, activity_regularizer=activity_regularizer, **kwargs)
        self.filters = positive_int(type(self).__name__, "filters", filters)
        self.keep_window(kernel_size, strides, padding, dilation_rate)
        self.refuse_strides_with_dilation()
        self.output_padding = self._checked_output_padding(output_padding)
        self.keep_output(activation, use_bias, bias_initializer, bias_regularizer, bias_constraint)
        keep_weight_arguments(
            self, "kernel", kernel_initializer, kernel_regularizer, kernel_constraint
        )

    def _checked_output_padding(self, value: Any) -> tuple[int, ...] | None:
        if value is None:
            return None
        own = type(self).__name__
        sizes = int_tuple(own, "output_padding", value, self.rank, count)
        if any(size >= step for size, step in zip(sizes, self.strides, strict=True)):
            raise ArgumentError(
                f"{own}: expected output_padding to be less than strides={self.strides}, "
                f"got {value!r}."
            )
        return sizes

    def build(self, x: Any) -> None:
        shape = (*self.kernel_size, self.filters, self.known_channels(x))
        axes = (*(None,) * self.rank, "out", "in")
        self.kernel = weight_of(self, "kernel", shape, axes=axes)
        self.build_bias(self.filters)

    def check_size(self, shape: Any) -> None:
        known, padding = concrete_dims(shape), self.padding
        reach = map(window_reach, self.kernel_size, self.dilation_rate)
        extra = self.output_padding or (None,) * self.rank
        axes = spatial_axes(len(known), self.data_format)
        for axis, r, stride, more in zip(axes, reach, self.strides, extra, strict=True):
            size = known[axis]
            if size == 0 or (size and transposed_size(size, r, stride, padding, more) < 1):
                raise ShapeError(
                    f"{place_of(self)}: expected inputs that give an output, got shape {known}, of "
                    f"which axis {axis} gives none. Use larger inputs or another output_padding."
                )

    def convolved(self, x: jax.Array, bias: jax.Array | None) -> jax.Array:
        return conv_transpose(
            x,
            self.kernel,
            bias,
            strides=self.strides,
            padding=self.padding,
            output_padding=self.output_padding,
            dilation=self.dilation_rate,
            data_format=self.data_format,
        )


class Conv1DTranspose(BaseConvTranspose):
    """Transposed convolution over time: as `Conv1D` backwards, from short to long.

    `Conv1DTranspose(filters, kernel_size, ...)`; all arguments are listed at
    `Conv1DTranspose.__init__`.

    Input shape:
        (batch, time, channels), or (batch, channels, time) for "channels_first".

    Output shape:
        (batch, new_time, filters), or (batch, filters, new_time).

    Raises:
        ShapeError: if the channels differ from those it was built for, or there is no output.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.Conv1DTranspose(4, 3, strides=2)(jnp.ones((2, 5, 3))).shape
    (2, 11, 4)

    Source: Dumoulin & Visin, "A guide to convolution arithmetic", 2016.
    """

    rank = 1


class Conv2DTranspose(BaseConvTranspose):
    """Transposed convolution over images: as `Conv2D` backwards, from small to large.

    `Conv2DTranspose(filters, kernel_size, ...)`; all arguments are listed at
    `Conv2DTranspose.__init__`.

    Input shape:
        (batch, height, width, channels), or (batch, channels, height, width) for "channels_first".

    Output shape:
        (batch, new_height, new_width, filters), or (batch, filters, new_height, new_width).

    Raises:
        ShapeError: if the channels differ from those it was built for, or there is no output.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.Conv2DTranspose(4, 3, strides=2, padding="same")(jnp.ones((2, 5, 5, 3))).shape
    (2, 10, 10, 4)

    Source: Zeiler et al., "Deconvolutional networks", CVPR 2010.
    """

    rank = 2


class Conv3DTranspose(BaseConvTranspose):
    """Transposed convolution over volumes: as `Conv3D` backwards, from small to large.

    `Conv3DTranspose(filters, kernel_size, ...)`; all arguments are those of `Conv2DTranspose`, but
    for Keras' sake `data_format` stands before `output_padding`.

    Input shape:
        (batch, depth, height, width, channels), or (batch, channels, depth, height, width) for
        "channels_first".

    Output shape:
        (batch, new_depth, new_height, new_width, filters), or with the filters first.

    Raises:
        ShapeError: if the channels differ from those it was built for, or there is no output.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.Conv3DTranspose(4, 2, strides=2)(jnp.ones((1, 2, 2, 2, 3))).shape
    (1, 4, 4, 4, 4)

    Source: Zeiler et al., "Deconvolutional networks", CVPR 2010.
    """

    rank = 3

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        output_padding: Any = None,
        dilation_rate: Any = 1,
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
        super().__init__(
            filters,
            kernel_size,
            strides,
            padding,
            output_padding,
            data_format,
            dilation_rate,
            activation,
            use_bias,
            kernel_initializer,
            bias_initializer,
            kernel_regularizer,
            bias_regularizer,
            activity_regularizer,
            kernel_constraint,
            bias_constraint,
            **kwargs,
        )


Convolution1DTranspose, Convolution2DTranspose = Conv1DTranspose, Conv2DTranspose
Convolution3DTranspose = Conv3DTranspose
