"""Recurrent cells, and sequences run through them."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from nnlib.ops.dense import dense

State = tuple[jax.Array, jax.Array]
Function = Callable[[jax.Array], jax.Array]


def lstm_cell(
    z: jax.Array,
    state: State,
    recurrent_kernel: jax.Array,
    *,
    activation: Function = jnp.tanh,
    recurrent_activation: Function = jax.nn.sigmoid,
    recurrent_mask: jax.Array | None = None,
) -> State:
    r"""One step: `c' = f * c + i * g`, `h' = o * activation(c')`.

    The gates i, f, g, o are the quarters of `z + h @ recurrent_kernel`, in this order; g goes
    through `activation`, the others through `recurrent_activation`.

    Args:
        z: (batch, 4 * units), the projected input `x @ kernel + bias`.
        state: (h, c), each (batch, units).
        recurrent_kernel: (units, 4 * units).
        activation: of the candidate and of the cell.
        recurrent_activation: of the gates.
        recurrent_mask: (batch, units), multiplied onto h, or None.

    Returns:
        The next (h, c).

    >>> import jax.numpy as jnp
    >>> h, c = lstm_cell(jnp.zeros((1, 8)), (jnp.zeros((1, 2)),) * 2, jnp.zeros((2, 8)))
    >>> h.shape
    (1, 2)
    """
    h, c = state
    if recurrent_mask is not None:
        h = h * recurrent_mask
    i, f, g, o = jnp.split(z + jnp.matmul(h, recurrent_kernel), 4, axis=-1)
    c = recurrent_activation(f) * c + recurrent_activation(i) * activation(g)
    return recurrent_activation(o) * activation(c), c


def lstm(
    x: jax.Array,
    kernel: jax.Array,
    recurrent_kernel: jax.Array,
    bias: jax.Array | None = None,
    state: State | None = None,
    *,
    activation: Function = jnp.tanh,
    recurrent_activation: Function = jax.nn.sigmoid,
    recurrent_mask: jax.Array | None = None,
    go_backwards: bool = False,
    unroll: bool = False,
) -> tuple[jax.Array, State]:
    """A sequence through `lstm_cell`, whose inputs are projected in one product beforehand.

    Args:
        x: (batch, time, inputs).
        kernel: (inputs, 4 * units), the gates in the order i, f, g, o.
        recurrent_kernel: (units, 4 * units).
        bias: (4 * units,) or None.
        state: the first (h, c), each (batch, units); zeros if None.
        activation: of the candidate and of the cell.
        recurrent_activation: of the gates.
        recurrent_mask: (batch, units), multiplied onto h in every step, or None.
        go_backwards: whether the last input comes first; outputs are in the order they are made.
        unroll: whether the loop is written out, for short sequences.

    Returns:
        ((batch, time, units), last (h, c)).

    >>> import jax.numpy as jnp
    >>> y, (h, c) = lstm(jnp.ones((2, 5, 3)), jnp.ones((3, 16)), jnp.ones((4, 16)))
    >>> y.shape, c.shape
    ((2, 5, 4), (2, 4))

    Source: Hochreiter & Schmidhuber, Neural Computation 1997; Gers et al., 2000.
    """
    z = jnp.moveaxis(dense(x, kernel, bias), 1, 0)
    if go_backwards:
        z = jnp.flip(z, axis=0)
    if state is None:
        zeros = jnp.zeros((x.shape[0], recurrent_kernel.shape[0]), z.dtype)
        state = zeros, zeros

    def step(carry: State, z_t: jax.Array) -> tuple[State, jax.Array]:
        carry = lstm_cell(
            z_t,
            carry,
            recurrent_kernel,
            activation=activation,
            recurrent_activation=recurrent_activation,
            recurrent_mask=recurrent_mask,
        )
        return carry, carry[0]

    last, outputs = jax.lax.scan(step, state, z, unroll=unroll)
    return jnp.moveaxis(outputs, 0, 1), last
