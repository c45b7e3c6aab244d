"""What a built-in cell and the layer that runs it over sequences share: weights and arithmetic."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from nnlib.activations import linear
from nnlib.core.arguments import cast_float
from nnlib.core.errors import ArgumentError
from nnlib.core.layer import Layer
from nnlib.core.specs import InputSpec
from nnlib.layers.checks import fraction, known_size, one_of, place_of, positive_int
from nnlib.layers.dropout import checked_seed, seeded
from nnlib.layers.weight_arguments import (
    keep_weight_arguments,
    resolved_activation,
    weight_of,
)
from nnlib.ops.dropout import dropout as random_zeros

Ran = tuple[jax.Array, jax.Array, tuple[jax.Array, ...]]
"""The last output, the outputs of all steps, the last states."""


def passed_on(local: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of an `__init__` from its `locals()`, for that of the class above."""
    own = {name: value for name, value in local.items() if name not in ("self", "__class__")}
    return own | own.pop("kwargs", {})


class RecurrentUnits(Layer):
    """Base of SimpleRNN, GRU, LSTM and their cells."""

    kernel: jax.Array
    recurrent_kernel: jax.Array
    bias: jax.Array | None

    input_ndim = 3
    gates: int
    state_count: int = 1
    sequence: ClassVar[Callable[..., Ran]]
    """The function in `nnlib.ops` that runs a sequence through such units."""

    def __init__(
        self,
        units: int,
        activation: Any,
        use_bias: bool,
        kernel_initializer: Any,
        recurrent_initializer: Any,
        bias_initializer: Any,
        kernel_regularizer: Any,
        recurrent_regularizer: Any,
        bias_regularizer: Any,
        kernel_constraint: Any,
        recurrent_constraint: Any,
        bias_constraint: Any,
        dropout: float,
        recurrent_dropout: float,
        seed: int | None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        own = type(self).__name__
        self.units = positive_int(own, "units", units)
        self.activation = resolved_activation(self, activation)
        self.use_bias = bool(use_bias)
        keep_weight_arguments(
            self, "kernel", kernel_initializer, kernel_regularizer, kernel_constraint
        )
        keep_weight_arguments(
            self, "recurrent", recurrent_initializer, recurrent_regularizer, recurrent_constraint
        )
        keep_weight_arguments(self, "bias", bias_initializer, bias_regularizer, bias_constraint)
        self.dropout = fraction(own, "dropout", dropout)
        self.recurrent_dropout = fraction(own, "recurrent_dropout", recurrent_dropout)
        self.seed = checked_seed(own, seed)

    @property
    def output_size(self) -> int:
        """The units of the output."""
        return self.units

    def get_initial_state(self, batch_size: Any = None) -> list[jax.Array]:
        """A list of zeros, one array (batch_size, units) for each state."""
        return [jnp.zeros((batch_size, self.units), self.compute_dtype)] * self.state_count

    def build_weights(self, x: Any) -> None:
        """Declare the weights for inputs of the shape x."""
        InputSpec(ndim=self.input_ndim).check(x, place_of(self))
        inputs, columns = known_size(self, x, -1), self.gates * self.units
        self.input_spec = InputSpec(ndim=self.input_ndim, axes={-1: inputs})
        self.kernel = weight_of(self, "kernel", (inputs, columns), axes=("in", "out"))
        self.recurrent_kernel = weight_of(
            self, "recurrent", (self.units, columns), axes=("in", "out")
        )
        self.bias = self.bias_weight(columns) if self.use_bias else None

    def bias_weight(self, columns: int) -> Any:
        """The declaration of the bias."""
        return weight_of(self, "bias", (columns,), axes=("out",))

    def run(self, x: jax.Array, states: Any, training: bool, **loop: Any) -> Ran:
        """The units over x, (batch, time, inputs); `loop` is for `nnlib.ops.scan_steps`."""
        return type(self).sequence(
            cast_float(x, self.compute_dtype),
            self.kernel,
            self.recurrent_kernel,
            self.bias,
            tuple(states),
            activation=self.activation or linear,
            **self.sequence_options(),
            **(self._dropout_masks(x) if training else {}),
            **loop,
        )

    def sequence_options(self) -> dict[str, Any]:
        """Further arguments of `sequence`."""
        return {}

    @property
    def mask_count(self) -> int:
        """How many masks dropout draws: one for all gates."""
        return 1

    def _dropout_masks(self, x: jax.Array) -> dict[str, jax.Array]:
        """Drawn once for all steps."""
        shapes = {
            "input_masks": (self.dropout, (x.shape[0], 1, x.shape[-1])),
            "recurrent_masks": (self.recurrent_dropout, (x.shape[0], self.units)),
        }
        return {
            name: dropout_mask(self, rate, (self.mask_count, *shape), self.seed)
            for name, (rate, shape) in shapes.items()
            if rate
        }


def dropout_mask(layer: Layer, rate: float, shape: tuple[int, ...], seed: int | None) -> jax.Array:
    """Zeros with probability `rate`, and `1 / (1 - rate)`, for the layer to multiply with."""
    ones = jnp.ones(shape, layer.compute_dtype)
    return random_zeros(ones, seeded(layer.next_key(), seed), rate)


class GatedUnits(RecurrentUnits):
    """Base of GRU, LSTM and their cells."""

    def __init__(
        self, recurrent_activation: Any = "sigmoid", implementation: int = 2, **kwargs: Any
    ):
        super().__init__(**kwargs)
        self.recurrent_activation = resolved_activation(
            self, recurrent_activation, "recurrent_activation"
        )
        known = one_of(type(self).__name__, "implementation", implementation, (0, 1, 2))
        self.implementation = known or 1  # 0 is what old files call 1

    @property
    def mask_count(self) -> int:
        """One mask for each gate with dropout of states, or if `implementation=1` asks for it."""
        return self.gates if self.recurrent_dropout or self.implementation == 1 else 1

    def sequence_options(self) -> dict[str, Any]:
        return {"recurrent_activation": self.recurrent_activation or linear}


class OneStep(RecurrentUnits):
    """Base of the built-in cells: one step of a sequence at a call."""

    input_ndim = 2

    @property
    def state_size(self) -> Any:
        """The units of a state, or a list for several."""
        return self.units if self.state_count == 1 else [self.units] * self.state_count

    def build(self, inputs: Any) -> None:
        self.build_weights(inputs)

    def call(self, inputs: jax.Array, states: Any, training: bool = False) -> Any:
        several = isinstance(states, list | tuple)
        given = tuple(states) if several else (states,)
        if len(given) != self.state_count:
            raise ArgumentError(
                f"{place_of(self)}: expected states to be {self.state_count} arrays, "
                f"got {len(given)}. Begin with get_initial_state(batch_size)."
            )
        output, _, new = self.run(inputs[:, None], given, training, unroll=True)
        return output, list(new) if several else new[0]
