"""LSTM: long short-term memory, over sequences."""

from typing import Any

from nnlib.layers.checks import one_of
from nnlib.layers.lstm_cell import LSTMUnits
from nnlib.layers.recurrent import Recurrent
from nnlib.layers.recurrent_units import passed_on


class LSTM(LSTMUnits, Recurrent):
    r"""`c' = f * c + i * g`, `h' = o * activation(c')`, from step to step.

    The gates i, f, o and the candidate g are the quarters of
    `x @ kernel + h @ recurrent_kernel + bias`, in the order i, f, g, o.
    All inputs are projected in one product before the loop.

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
        recurrent_dropout: probability of a zero in h while training; a mask for each gate and
            all steps. Input masks then differ from gate to gate too.
        seed: an integer mixed into the key of the masks.
        return_sequences: whether the outputs of all steps are returned, not only the last.
        return_state: whether the last h and c are returned too.
        go_backwards: whether the sequence is read from its end; outputs are in that order.
        stateful: whether a call begins with the last states of the one before, row by row.
        unroll: whether the loop is written out, for short sequences of known length.
        use_cudnn: "auto" or False; both compile the same loop.
        kwargs: name, trainable, dtype; `zero_output_for_mask=True` for zeros as outputs of masked
            steps; `implementation=1` for input masks that differ from gate to gate.

    Call arguments:
        initial_state: [h, c], each (batch, units); zeros if None.
        mask: (batch, time) of booleans; where it is False, state and output stay as they are.

    Input shape:
        (batch, time, inputs).

    Output shape:
        (batch, units), or (batch, time, units) with `return_sequences`; with `return_state` a tuple
        of that, h and c.

    Raises:
        ShapeError: if the inputs' size differs from what it was built for, or states or a mask do
            not fit.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.LSTM(4, return_sequences=True)(jnp.ones((2, 5, 3))).shape
    (2, 5, 4)

    Source: Hochreiter & Schmidhuber, Neural Computation 1997; Gers et al., 2000.
    """

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
        arguments = passed_on(locals())
        self.use_cudnn = one_of("LSTM", "use_cudnn", arguments.pop("use_cudnn"), ("auto", False))
        super().__init__(**arguments)
