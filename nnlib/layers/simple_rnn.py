"""SimpleRNN: the last output is an input of the next step, over sequences."""

from typing import Any

from nnlib.layers.recurrent import Recurrent
from nnlib.layers.recurrent_units import passed_on
from nnlib.layers.simple_rnn_cell import SimpleRNNUnits


class SimpleRNN(SimpleRNNUnits, Recurrent):
    r"""`h' = activation(x @ kernel + h @ recurrent_kernel + bias)`, from step to step.

    Args:
        units: size of the state and of the output.
        activation: of every step; a name or function, None for the identity.
        use_bias: whether a bias is added.
        kernel_initializer: of the (inputs, units) kernel.
        recurrent_initializer: of the (units, units) recurrent kernel.
        bias_initializer: of the (units,) bias.
        kernel_regularizer: a penalty on the kernel.
        recurrent_regularizer: a penalty on the recurrent kernel.
        bias_regularizer: a penalty on the bias.
        activity_regularizer: a penalty on the outputs.
        kernel_constraint: a projection of the kernel after each update.
        recurrent_constraint: a projection of the recurrent kernel after each update.
        bias_constraint: a projection of the bias after each update.
        dropout: probability of a zero among the inputs while training; one mask for all steps.
        recurrent_dropout: probability of a zero in h while training; one mask for all steps.
        return_sequences: whether the outputs of all steps are returned, not only the last.
        return_state: whether the last h is returned too.
        go_backwards: whether the sequence is read from its end; outputs are in that order.
        stateful: whether a call begins with the last states of the one before, row by row.
        unroll: whether the loop is written out, for short sequences of known length.
        seed: an integer mixed into the key of the masks.
        kwargs: name, trainable, dtype; `zero_output_for_mask=True` for zeros as outputs of masked
            steps.

    Call arguments:
        initial_state: [h] or h, of (batch, units); zeros if None.
        mask: (batch, time) of booleans; where it is False, state and output stay as they are.

    Input shape:
        (batch, time, inputs).

    Output shape:
        (batch, units), or (batch, time, units) with `return_sequences`; with `return_state` a tuple
        of that and h.

    Raises:
        ShapeError: if the inputs' size differs from what it was built for, or states or a mask do
            not fit.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.SimpleRNN(4, return_sequences=True)(jnp.ones((2, 5, 3))).shape
    (2, 5, 4)

    Source: Elman, "Finding structure in time", Cognitive Science 1990.
    """

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**passed_on(locals()))
