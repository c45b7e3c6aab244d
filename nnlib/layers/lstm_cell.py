"""LSTMCell: long short-term memory, one step at a call."""

from collections.abc import Callable
from typing import Any

import jax

from nnlib.core.arguments import pure_initializer
from nnlib.layers.recurrent_units import GatedUnits, OneStep, passed_on
from nnlib.layers.weight_arguments import weight_of
from nnlib.ops.lstm import lstm


class LSTMUnits(GatedUnits):
    """What LSTMCell and LSTM share."""

    gates = 4
    state_count = 2
    sequence = staticmethod(lstm)

    def __init__(self, unit_forget_bias: bool = True, **kwargs: Any):
        super().__init__(**kwargs)
        self.unit_forget_bias = bool(unit_forget_bias)

    def bias_weight(self, columns: int) -> Any:
        options = {"initializer": forgetting(self)} if self.unit_forget_bias else {}
        return weight_of(self, "bias", (columns,), axes=("out",), **options)


def forgetting(layer: Any) -> Callable[[Any, tuple[int, ...], Any], jax.Array]:
    """The bias initializer, with ones for the forget gate: a new LSTM remembers."""
    draw = pure_initializer(layer.bias_initializer)

    def initial(key: Any, shape: tuple[int, ...], dtype: Any) -> jax.Array:
        units = shape[0] // 4
        return draw(key, shape, dtype).at[units : 2 * units].set(1)

    return initial


class LSTMCell(OneStep, LSTMUnits):
    r"""`c' = f * c + i * g`, `h' = o * activation(c')`, one step of a sequence.

    The gates i, f, o and the candidate g are the quarters of
    `x @ kernel + h @ recurrent_kernel + bias`, in the order i, f, g, o.

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
        kernel_constraint: a projection of the kernel after each update.
        recurrent_constraint: a projection of the recurrent kernel after each update.
        bias_constraint: a projection of the bias after each update.
        dropout: probability of a zero among the inputs while training.
        recurrent_dropout: probability of a zero in h while training, a mask for each gate; input
            masks then differ from gate to gate too.
        seed: an integer mixed into the key of the masks.
        kwargs: name, trainable, dtype; `implementation=1` for input masks that differ from gate to
            gate.

    Call arguments:
        states: [h, c], each (batch, units); begin with `get_initial_state(batch_size)`.

    Input shape:
        (batch, inputs).

    Output shape:
        (batch, units), and the new states.

    Raises:
        ShapeError: if the inputs' size differs from what it was built for.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> cell = nn.layers.LSTMCell(4)
    >>> y, states = cell(jnp.ones((2, 3)), cell.get_initial_state(2))
    >>> y.shape, len(states)
    ((2, 4), 2)

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
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**passed_on(locals()))
