"""LSTM: long short-term memory over a sequence."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from nnlib.activations import linear
from nnlib.core.arguments import pure_initializer
from nnlib.core.errors import ArgumentError, ShapeError
from nnlib.core.layer import Layer
from nnlib.core.specs import InputSpec, concrete_dims
from nnlib.layers.checks import fraction, known_size, one_of, place_of, positive_int
from nnlib.layers.dropout import checked_seed, seeded
from nnlib.layers.weight_arguments import (
    keep_weight_arguments,
    resolved_activation,
    weight_of,
)
from nnlib.ops.dropout import dropout as random_zeros
from nnlib.ops.recurrence import State, lstm


class LSTM(Layer):
    r"""`c' = f * c + i * g`, `h' = o * activation(c')`, from step to step.

    The gates i, f, o and the candidate g are the quarters of
    `x @ kernel + h @ recurrent_kernel + bias`, in the order i, f, g, o. All inputs are projected in
    one product before the loop.

    Args:
        units: size of the state and of the output.
        activation: of the candidate and the cell; a name or function, None for the identity.
        recurrent_activation: of the gates, likewise.
        use_bias: whether a bias is added.
        kernel_initializer: of the (inputs, 4 * units) kernel.
        recurrent_initializer: of the (units, 4 * units) recurrent kernel.
        bias_initializer: of the (4 * units,) bias.
        unit_forget_bias: whether the forget gate's bias begins at 1.
        kernel_regularizer: a penalty on the kernel.
        recurrent_regularizer: a penalty on the recurrent kernel.
        bias_regularizer: a penalty on the bias.
        activity_regularizer: a penalty on the outputs.
        kernel_constraint: a projection of the kernel after each update.
        recurrent_constraint: a projection of the recurrent kernel after each update.
        bias_constraint: a projection of the bias after each update.
        dropout: probability of a zero among the inputs while training; one mask for all steps.
        recurrent_dropout: probability of a zero in the state while training, likewise.
        seed: an integer mixed into the key of the masks.
        return_sequences: whether the outputs of all steps are returned, not only the last.
        return_state: whether the last h and c are returned too.
        go_backwards: whether the sequence is read from its end.
        stateful: only False: pass `initial_state=` from call to call instead.
        unroll: whether the loop is written out, for short sequences of known length.
        use_cudnn: "auto" or False; both compile the same loop.

    Call arguments:
        initial_state: [h, c], each (batch, units); zeros if None.
        mask: only None: masks are not available yet.

    Input shape:
        (batch, time, inputs).

    Output shape:
        (batch, units), or (batch, time, units) with `return_sequences`; with `return_state` a tuple
        of that, h and c.

    Raises:
        ShapeError: if the inputs' size differs from what it was built for.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.LSTM(4, return_sequences=True)(jnp.ones((2, 5, 3))).shape
    (2, 5, 4)

    Source: Hochreiter & Schmidhuber, Neural Computation 1997; Gers et al., 2000.
    """

    kernel: jax.Array
    recurrent_kernel: jax.Array
    bias: jax.Array

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True,
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        use_cudnn: Any = "auto",
        **kwargs: Any,
    ):
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.units = positive_int("LSTM", "units", units)
        self.activation = resolved_activation(self, activation)
        self.recurrent_activation = resolved_activation(
            self, recurrent_activation, "recurrent_activation"
        )
        self.use_bias, self.unit_forget_bias = bool(use_bias), bool(unit_forget_bias)
        keep_weight_arguments(
            self, "kernel", kernel_initializer, kernel_regularizer, kernel_constraint
        )
        keep_weight_arguments(
            self, "recurrent", recurrent_initializer, recurrent_regularizer, recurrent_constraint
        )
        keep_weight_arguments(self, "bias", bias_initializer, bias_regularizer, bias_constraint)
        self.dropout = fraction("LSTM", "dropout", dropout)
        self.recurrent_dropout = fraction("LSTM", "recurrent_dropout", recurrent_dropout)
        self.seed = checked_seed("LSTM", seed)
        self.return_sequences, self.return_state = bool(return_sequences), bool(return_state)
        self.go_backwards, self.unroll = bool(go_backwards), bool(unroll)
        one_of("LSTM", "use_cudnn", use_cudnn, ("auto", False))
        if stateful:
            raise ArgumentError(
                "LSTM: expected stateful=False, got True. Keep the state yourself: "
                "y, h, c = lstm(x, initial_state=[h, c]) with return_state=True."
            )

    def build(self, x: Any) -> None:
        InputSpec(ndim=3).check(x, place_of(self))
        inputs = known_size(self, x, -1)
        self.input_spec = InputSpec(ndim=3, axes={-1: inputs})
        shape = (self.units, 4 * self.units)
        self.kernel = weight_of(self, "kernel", (inputs, shape[1]), axes=("in", "out"))
        self.recurrent_kernel = weight_of(self, "recurrent", shape, axes=("in", "out"))
        if self.use_bias:
            options = {"initializer": self._forgetting()} if self.unit_forget_bias else {}
            self.bias = weight_of(self, "bias", (shape[1],), axes=("out",), **options)

    def _forgetting(self) -> Callable[[Any, tuple[int, ...], Any], jax.Array]:
        """The bias initializer, with ones for the forget gate: a new LSTM remembers."""
        draw, n = pure_initializer(self.bias_initializer), self.units
        return lambda key, shape, dtype: draw(key, shape, dtype).at[n : 2 * n].set(1)

    def call(
        self, x: jax.Array, initial_state: Any = None, mask: Any = None, training: bool = False
    ) -> Any:
        if mask is not None:
            raise ArgumentError(
                f"{place_of(self)}: expected mask=None, got one. Masks are not available yet."
            )
        state = None if initial_state is None else self._checked_state(x, initial_state)
        recurrent_mask = None
        if training:
            x, recurrent_mask = self._dropped(x)
        sequence, (h, c) = lstm(
            x,
            self.kernel,
            self.recurrent_kernel,
            self.bias if self.use_bias else None,
            state,
            activation=self.activation or linear,
            recurrent_activation=self.recurrent_activation or linear,
            recurrent_mask=recurrent_mask,
            go_backwards=self.go_backwards,
            unroll=self.unroll,
        )
        y = sequence if self.return_sequences else h
        return (y, h, c) if self.return_state else y

    def _dropped(self, x: jax.Array) -> tuple[jax.Array, jax.Array | None]:
        """Inputs with zeros among them, and a mask for h: each drawn once, for all steps."""
        batch, _, inputs = x.shape
        if self.dropout:
            key = seeded(self.next_key(), self.seed)
            x = random_zeros(x, key, self.dropout, (batch, 1, inputs))
        if not self.recurrent_dropout:
            return x, None
        key = seeded(self.next_key(), self.seed)
        ones = jnp.ones((batch, self.units), self.compute_dtype)
        return x, random_zeros(ones, key, self.recurrent_dropout)

    def _checked_state(self, x: jax.Array, state: Any) -> State:
        want = concrete_dims((x.shape[0], self.units))
        shapes = [concrete_dims(part.shape) for part in state]
        if len(shapes) != 2 or not all(_agree(want, shape) for shape in shapes):
            raise ShapeError(
                f"{place_of(self)}: expected initial_state=[h, c], each of shape {want}, "
                f"got shapes {shapes}."
            )
        h, c = (jnp.asarray(part, self.compute_dtype) for part in state)
        return h, c


def _agree(want: tuple[int | None, ...], have: tuple[int | None, ...]) -> bool:
    """Whether two shapes are the same where both are known."""
    if len(want) != len(have):
        return False
    return all(None in pair or pair[0] == pair[1] for pair in zip(want, have, strict=True))
