"""GRUCell: gated recurrent units, one step at a call."""

from typing import Any

from nnlib.layers.recurrent_units import GatedUnits, OneStep, passed_on
from nnlib.layers.weight_arguments import weight_of
from nnlib.ops.gru import gru


class GRUUnits(GatedUnits):
    """What GRUCell and GRU share."""

    gates = 3
    sequence = staticmethod(gru)

    def __init__(self, reset_after: bool = True, **kwargs: Any):
        super().__init__(**kwargs)
        self.reset_after = bool(reset_after)

    def bias_weight(self, columns: int) -> Any:
        shape, axes = ((2, columns), (None, "out")) if self.reset_after else ((columns,), ("out",))
        return weight_of(self, "bias", shape, axes=axes)

    def sequence_options(self) -> dict[str, Any]:
        return super().sequence_options() | {"reset_after": self.reset_after}


class GRUCell(OneStep, GRUUnits):
    r"""`h' = u * h + (1 - u) * g` with an update gate u and a candidate g, one step of a sequence.

    `u, r = recurrent_activation(...)` and `g = activation(...)` are the thirds, in the order u, r,
    g, of `x @ kernel + bias[0] + h @ R + bias[1]` with R the recurrent kernel; the reset gate r is
    multiplied onto the recurrent part of g. Without `reset_after` that part is `(r * h) @ R[g]`,
    and the bias is one of (3 * units,).

    Args:
        units: size of the state and of the output.
        activation: of the candidate; a name or function, None for the identity.
        recurrent_activation: of the gates, likewise.
        use_bias: whether a bias is added.
        kernel_initializer: of the (inputs, 3 * units) kernel.
        recurrent_initializer: of the (units, 3 * units) recurrent kernel.
        bias_initializer: of the (2, 3 * units) bias.
        kernel_regularizer: a penalty on the kernel.
        recurrent_regularizer: a penalty on the recurrent kernel.
        bias_regularizer: a penalty on the bias.
        kernel_constraint: a projection of the kernel after each update.
        recurrent_constraint: a projection of the recurrent kernel after each update.
        bias_constraint: a projection of the bias after each update.
        dropout: probability of a zero among the inputs while training.
        recurrent_dropout: probability of a zero in h while training, a mask for each gate; input
            masks then differ from gate to gate too.
        reset_after: whether the reset gate is applied after the product with R, as cuDNN does it,
            or before.
        seed: an integer mixed into the key of the masks.
        kwargs: name, trainable, dtype; `implementation=1` for input masks that differ from gate to
            gate.

    Call arguments:
        states: [h] or h, of (batch, units); begin with `get_initial_state(batch_size)`.

    Input shape:
        (batch, inputs).

    Output shape:
        (batch, units), and the new states.

    Raises:
        ShapeError: if the inputs' size differs from what it was built for.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> cell = nn.layers.GRUCell(4)
    >>> y, states = cell(jnp.ones((2, 3)), cell.get_initial_state(2))
    >>> y.shape, len(states)
    ((2, 4), 1)

    Source: Cho et al., EMNLP 2014.
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
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        reset_after: bool = True,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**passed_on(locals()))
