"""EinsumDense: a dense layer over any axes, by an equation."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from nnlib.core.arguments import pure_initializer
from nnlib.core.errors import ArgumentError
from nnlib.core.specs import InputSpec, is_shape
from nnlib.initializers import VarianceScaling
from nnlib.layers.checks import place_of
from nnlib.layers.einsum_equation import logical_axes, parse, weight_shapes
from nnlib.layers.lora import LowRank
from nnlib.layers.weight_arguments import (
    keep_weight_arguments,
    resolved_activation,
    weight_of,
)


class EinsumDense(LowRank):
    r"""`y = activation(einsum(equation, x, kernel) + bias)`.

    Args:
        equation: of inputs and kernel, `"abc,cd->abd"`; `...` in front of inputs and outputs, or
            behind them, stands for any further axes.
        output_shape: sizes of the axes that the output names, without the batch and without those
            of an ellipsis; None for a size that is the input's.
        activation: a name or function; None for the identity.
        bias_axes: letters of the output that the bias has; None for no bias.
        kernel_initializer: of the kernel; axes that are summed over count as its inputs.
        bias_initializer: of the bias.
        kernel_regularizer: a penalty on the kernel.
        bias_regularizer: a penalty on the bias.
        kernel_constraint: a projection of the kernel after each update.
        bias_constraint: a projection of the bias after each update.
        lora_rank: if given, the kernel is frozen, and `lora_alpha / lora_rank * a @ b` is added to
            it, where a and b of this rank are trained; see `enable_lora`.
        lora_alpha: scales what is added; lora_rank if None.

    Input shape:
        What the equation says.

    Output shape:
        What it says.

    Raises:
        ArgumentError: for an equation that is none.
        ShapeError: if the inputs do not fit the equation, or differ from what it was built for.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> layer = nn.layers.EinsumDense("btd,dhk->bthk", (None, 2, 4), bias_axes="hk")
    >>> layer(jnp.ones((1, 5, 3))).shape
    (1, 5, 2, 4)

    Source: Hu et al., "LoRA", ICLR 2022 (lora_rank).
    """

    kernel: jax.Array
    bias: jax.Array | None

    def __init__(
        self,
        equation: str,
        output_shape: Any,
        activation: Any = None,
        bias_axes: str | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        shape = output_shape if isinstance(output_shape, tuple | list) else (output_shape,)
        if not is_shape(shape):
            raise ArgumentError(
                "EinsumDense: expected output_shape to be sizes without the batch axis, "
                f"got {output_shape!r}."
            )
        self.equation, self.bias_axes = equation, bias_axes
        self.output_shape = tuple(shape)
        parse(equation, bias_axes)
        self.activation = resolved_activation(self, activation)
        keep_weight_arguments(
            self, "kernel", kernel_initializer, kernel_regularizer, kernel_constraint
        )
        keep_weight_arguments(self, "bias", bias_initializer, bias_regularizer, bias_constraint)
        self.keep_lora(lora_rank, lora_alpha)

    def build(self, x: Any) -> None:
        parts = parse(self.equation, self.bias_axes)
        place = place_of(self)
        shapes = weight_shapes(parts, self.bias_axes, x.shape, self.output_shape, place)
        offset = -len(parts.inputs) if parts.ellipsis == "front" else 0
        axes = {offset + i: x.shape[offset + i] for i, c in enumerate(parts.inputs)
                if c in parts.kernel}  # fmt: skip
        self.input_spec = InputSpec(ndim=x.ndim, axes=axes)
        initializer = scaled_by(self.kernel_initializer, shapes.fan_in, shapes.fan_out)
        kernel, bias = logical_axes(parts, self.bias_axes)
        options = {"initializer": initializer, "axes": kernel}
        self.kernel = weight_of(self, "kernel", shapes.kernel, **options)
        self.bias = None
        if shapes.bias is not None:
            self.bias = weight_of(self, "bias", shapes.bias, axes=bias)
        self.declare_lora()

    def call(self, x: jax.Array) -> jax.Array:
        y = jnp.einsum(self.equation, x, self.adapted())
        if self.bias is not None:
            y = y + jnp.expand_dims(self.bias, tuple(range(y.ndim - self.bias.ndim)))
        return y if self.activation is None else self.activation(y)


def scaled_by(
    initializer: Any, fan_in: tuple[int, ...], fan_out: tuple[int, ...]
) -> Callable[[Any, tuple[int, ...], Any], jax.Array]:
    """The initializer, with these axes of the kernel as inputs and outputs where it scales."""
    sample = pure_initializer(initializer)
    if not isinstance(initializer, VarianceScaling):
        return sample

    def draw(key: Any, shape: tuple[int, ...], dtype: Any) -> jax.Array:
        fans = [math.prod(shape[axis] for axis in axes) for axes in (fan_in, fan_out)]
        return sample(key, tuple(fans), dtype).reshape(shape)

    return draw
