"""What all convolutions share: the window, the bias and the activation."""

from typing import Any

import jax

from nnlib.core.errors import ArgumentError, ShapeError
from nnlib.core.specs import InputSpec
from nnlib.layers.checks import int_tuple, place_of
from nnlib.layers.spatial import SpatialLayer, checked_padding
from nnlib.layers.weight_arguments import (
    keep_weight_arguments,
    resolved_activation,
    weight_of,
)


class ConvolvingLayer(SpatialLayer):
    """Base of layers that slide filters over the spatial axes."""

    bias: jax.Array | None
    paddings: tuple[str, ...] = ("valid", "same")

    def keep_window(self, kernel_size: Any, strides: Any, padding: Any, dilation_rate: Any) -> None:
        """Set the four arguments, checked."""
        own = type(self).__name__
        self.kernel_size = int_tuple(own, "kernel_size", kernel_size, self.rank)
        self.strides = int_tuple(own, "strides", strides, self.rank)
        self.padding = checked_padding(own, padding, self.paddings)
        self.dilation_rate = int_tuple(own, "dilation_rate", dilation_rate, self.rank)

    def refuse_strides_with_dilation(self) -> None:
        """Raise an ArgumentError if both are above 1."""
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ArgumentError(
                f"{type(self).__name__}: expected strides or dilation_rate to be 1, got "
                f"strides={self.strides} and dilation_rate={self.dilation_rate}. "
                "Leave one of them out."
            )

    def keep_output(
        self, activation: Any, use_bias: Any, initializer: Any, regularizer: Any, constraint: Any
    ) -> None:
        """Set the activation and the arguments of the bias."""
        self.activation = resolved_activation(self, activation)
        self.use_bias = bool(use_bias)
        keep_weight_arguments(self, "bias", initializer, regularizer, constraint)

    def known_channels(self, x: Any) -> int:
        """The number of channels; sets the `input_spec` that later inputs must meet."""
        ndim, place = self.rank + 2, place_of(self)
        InputSpec(ndim=ndim).check(x, place)
        channels = x.shape[self.channel_axis]
        if channels is None:
            raise ShapeError(
                f"{place}: expected a known number of channels on axis {self.channel_axis}, "
                f"got shape {x.shape}. Give Input() that size."
            )
        self.input_spec = InputSpec(ndim=ndim, axes={self.channel_axis: channels})
        return channels

    def build_bias(self, units: int) -> None:
        """Declare the bias, if there is one."""
        bias = weight_of(self, "bias", (units,), axes=("out",))
        self.bias = bias if self.use_bias else None

    def call(self, x: jax.Array) -> jax.Array:
        self.check_size(x.shape)
        y = self.convolved(x, self.bias)
        return y if self.activation is None else self.activation(y)

    def check_size(self, shape: Any) -> None:
        """Raise a ShapeError if inputs of this shape give no output."""
        if self.padding == "valid":
            self.check_windows(shape, self.kernel_size, self.dilation_rate)

    def convolved(self, x: jax.Array, bias: jax.Array | None) -> jax.Array:
        """The sums over windows, and the bias."""
        raise NotImplementedError(f"{type(self).__name__}: expected `convolved`, got none.")
