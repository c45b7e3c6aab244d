"""Dense: every output sees every input."""

from typing import Any

import jax

from nnlib.core.specs import InputSpec
from nnlib.layers.checks import positive_int
from nnlib.layers.lora import LowRank
from nnlib.layers.weight_arguments import (
    keep_weight_arguments,
    resolved_activation,
    weight_of,
)
from nnlib.ops.dense import dense


class Dense(LowRank):
    r"""`y = activation(x @ kernel + bias)` over the last axis.

    Args:
        units: size of the output's last axis.
        activation: a name or function; None for the identity.
        use_bias: whether a bias is added.
        kernel_initializer: of the (inputs, units) kernel.
        bias_initializer: of the (units,) bias.
        kernel_regularizer: a penalty on the kernel.
        bias_regularizer: a penalty on the bias.
        activity_regularizer: a penalty on the output.
        kernel_constraint: a projection of the kernel after each update.
        bias_constraint: a projection of the bias after each update.
        lora_rank: if given, the kernel is frozen, and `lora_alpha / lora_rank * a @ b` is added to
            it, where a and b of this rank are trained; see `enable_lora`.
        lora_alpha: scales what is added; lora_rank if None.

    Input shape:
        (batch, ..., inputs).

    Output shape:
        (batch, ..., units).

    Raises:
        ShapeError: if the last axis differs from the one it was built for.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.Dense(4, activation="relu")(jnp.ones((2, 3))).shape
    (2, 4)

    Source: Hu et al., "LoRA", ICLR 2022 (lora_rank).
    """

    kernel: jax.Array
    bias: jax.Array | None

    supports_masking = True

    def __init__(
        self,
        units: int,
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
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.units = positive_int("Dense", "units", units)
        self.activation = resolved_activation(self, activation)
        self.use_bias = bool(use_bias)
        keep_weight_arguments(
            self, "kernel", kernel_initializer, kernel_regularizer, kernel_constraint
        )
        keep_weight_arguments(self, "bias", bias_initializer, bias_regularizer, bias_constraint)
        self.keep_lora(lora_rank, lora_alpha)

    def build(self, x: Any) -> None:
        self.input_spec = InputSpec(min_ndim=2, axes={-1: x.shape[-1]})
        self.kernel = weight_of(self, "kernel", (x.shape[-1], self.units), axes=("in", "out"))
        bias = weight_of(self, "bias", (self.units,), axes=("out",))
        self.bias = bias if self.use_bias else None
        self.declare_lora()

    def call(self, x: jax.Array) -> jax.Array:
        y = dense(x, self.adapted(), self.bias)
        return y if self.activation is None else self.activation(y)
