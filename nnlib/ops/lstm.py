"""Long short-term memory, and sequences run through it."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from nnlib.ops.recurrence import (
    Function,
    gate_products,
    gates_of,
    joined_products,
    masked,
    projected,
    zero_states,
)
from nnlib.ops.weighted_scan import scan_weighted

State = tuple[jax.Array, ...]


def lstm_gates(
    z: Sequence[jax.Array],
    inner: Sequence[jax.Array],
    c: jax.Array,
    activation: Function,
    recurrent_activation: Function,
) -> State:
    """The next (h, c), where input and state give the gates i, f, g, o as sums of z and inner."""
    i, f, g, o = (a + b for a, b in zip(z, inner, strict=True))
    c = recurrent_activation(f) * c + recurrent_activation(i) * activation(g)
    return recurrent_activation(o) * activation(c), c


def lstm_cell(
    z: jax.Array | Sequence[jax.Array],
    state: State,
    recurrent_kernel: jax.Array,
    *,
    activation: Function = jnp.tanh,
    recurrent_activation: Function = jax.nn.sigmoid,
    recurrent_masks: jax.Array | None = None,
) -> State:
    r"""One step: `c' = f * c + i * g`, `h' = o * activation(c')`.

    The gates i, f, g, o are the quarters of `z + h @ recurrent_kernel`, in this order; g goes
    through `activation`, the others through `recurrent_activation`.

    Args:
        z: (batch, 4 * units), the projected input `x @ kernel + bias`; or its quarters.
        state: (h, c), each (batch, units).
        recurrent_kernel: (units, 4 * units).
        activation: of the candidate and of the cell.
        recurrent_activation: of the gates.
        recurrent_masks: (4 or 1, batch, units), multiplied onto h before the product, or None.

    Returns:
        The next (h, c).

    >>> import jax.numpy as jnp
    >>> h, c = lstm_cell(jnp.zeros((1, 8)), (jnp.zeros((1, 2)),) * 2, jnp.zeros((2, 8)))
    >>> h.shape
    (1, 2)
    """
    h, c = state
    inner = gate_products(h, recurrent_kernel, recurrent_masks)
    return lstm_gates(gates_of(z, 4), gates_of(inner, 4), c, activation, recurrent_activation)


def lstm(
    x: jax.Array,
    kernel: jax.Array,
    recurrent_kernel: jax.Array,
    bias: jax.Array | None = None,
    states: State | None = None,
    *,
    activation: Function = jnp.tanh,
    recurrent_activation: Function = jax.nn.sigmoid,
    input_masks: jax.Array | None = None,
    recurrent_masks: jax.Array | None = None,
    **loop: Any,
) -> tuple[jax.Array, jax.Array, State]:
    """A sequence through `lstm_cell`, whose inputs are projected in one product beforehand.

    Args:
        x: (batch, time, inputs).
        kernel: (inputs, 4 * units), the gates in the order i, f, g, o.
        recurrent_kernel: (units, 4 * units).
        bias: (4 * units,) or None.
        states: the first (h, c), each (batch, units); zeros if None.
        activation: of the candidate and of the cell.
        recurrent_activation: of the gates.
        input_masks: (4 or 1, batch, 1, inputs), multiplied onto x, or None.
        recurrent_masks: (4 or 1, batch, units), multiplied onto h in every step, or None.
        loop: `mask`, `go_backwards`, `unroll` and `zero_output_for_mask` of `scan_steps`.

    Returns:
        (last output, (batch, time, units), last (h, c)).

    >>> import jax.numpy as jnp
    >>> last, y, (h, c) = lstm(jnp.ones((2, 5, 3)), jnp.ones((3, 16)), jnp.ones((4, 16)))
    >>> y.shape, c.shape
    ((2, 5, 4), (2, 4))

    Source: Hochreiter & Schmidhuber, Neural Computation 1997; Gers et al., 2000.
    """
    z = projected(x, kernel, bias, input_masks)
    states = zero_states(z, recurrent_kernel.shape[0], 2) if states is None else states

    def product(kernel: jax.Array, seen: Sequence[jax.Array]) -> jax.Array:
        return joined_products(seen, kernel)

    def step(kernel: jax.Array, states: State, z: Sequence[jax.Array]) -> Any:
        seen = masked(states[0], recurrent_masks)
        inner = gates_of(product(kernel, seen), 4)
        new = lstm_gates(z, inner, states[1], activation, recurrent_activation)
        return new[0], new, seen

    return scan_weighted(step, product, recurrent_kernel, states, z, 4, **loop)
