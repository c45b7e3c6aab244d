"""SimpleRNNCell: the last output is an input of the next step, one step at a call."""

from typing import Any

from nnlib.layers.recurrent_units import OneStep, RecurrentUnits, passed_on
from nnlib.ops.simple_rnn import simple_rnn


class SimpleRNNUnits(RecurrentUnits):
    """What SimpleRNNCell and SimpleRNN share."""

    gates = 1
    sequence = staticmethod(simple_rnn)


class SimpleRNNCell(OneStep, SimpleRNNUnits):
    r"""`h' = activation(x @ kernel + h @ recurrent_kernel + bias)`, one step of a sequence.

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
        kernel_constraint: a projection of the kernel after each update.
        recurrent_constraint: a projection of the recurrent kernel after each update.
        bias_constraint: a projection of the bias after each update.
        dropout: probability of a zero among the inputs while training.
        recurrent_dropout: probability of a zero in h while training.
        seed: an integer mixed into the key of the masks.

    Call arguments:
        states: [h] or h, of (batch, units); begin with `get_initial_state(batch_size)`.

    Input shape:
        (batch, inputs).

    Output shape:
        (batch, units), and the new states.

    Raises:
        ShapeError: if the inputs' size differs from what it was built for.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> cell = nn.layers.SimpleRNNCell(4)
    >>> y, states = cell(jnp.ones((2, 3)), cell.get_initial_state(2))
    >>> y.shape, len(states)
    ((2, 4), 1)

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
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**passed_on(locals()))
