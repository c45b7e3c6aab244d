"""Gated recurrent units, and sequences run through them."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from nnlib.ops.recurrence import (
    Function,
    gate_products,
    gates_of,
    projected,
    scan_steps,
    zero_states,
)


def gru_cell(
    z: jax.Array | Sequence[jax.Array],
    h: jax.Array,
    recurrent_kernel: jax.Array,
    recurrent_bias: jax.Array | None = None,
    *,
    activation: Function = jnp.tanh,
    recurrent_activation: Function = jax.nn.sigmoid,
    reset_after: bool = True,
    recurrent_masks: jax.Array | None = None,
) -> jax.Array:
    r"""One step: `h' = u * h + (1 - u) * g` with an update gate u, a reset gate r, a candidate g.

    `u, r = recurrent_activation(z[u, r] + (h @ R)[u, r])`, and
    `g = activation(z[g] + r * (h @ R)[g])`, or `activation(z[g] + (r * h) @ R[g])` without
    `reset_after`.

    Args:
        z: (batch, 3 * units), the projected input, in the order u, r, g; or its thirds.
        h: (batch, units).
        recurrent_kernel: R, (units, 3 * units).
        recurrent_bias: (3 * units,), added to `h @ R`, or None.
        activation: of the candidate.
        recurrent_activation: of the gates.
        reset_after: whether the reset gate is applied after the product or before it.
        recurrent_masks: (3 or 1, batch, units), multiplied onto h before products, or None.

    Returns:
        The next h.

    >>> import jax.numpy as jnp
    >>> gru_cell(jnp.zeros((1, 6)), jnp.ones((1, 2)), jnp.zeros((2, 6))).tolist()
    [[0.5, 0.5]]

    Source: Cho et al., EMNLP 2014; `reset_after` is version 1 of its preprint, arXiv:1406.1078.
    """
    z, masks = gates_of(z, 3), recurrent_masks
    count = 3 if reset_after else 2
    split = count * h.shape[-1]
    shared = masks if masks is None or reset_after else masks[:2]
    inner = gate_products(h, recurrent_kernel[:, :split], shared)
    if recurrent_bias is not None:
        inner = inner + recurrent_bias[None, :split]
    gates = gates_of(inner, count)
    u, r = (recurrent_activation(a + b) for a, b in zip(z[:2], gates[:2], strict=True))
    if reset_after:
        candidate = r * gates[2]
    else:
        seen = r * (h if masks is None else h * masks[-1])
        candidate = jnp.matmul(seen, recurrent_kernel[:, split:])
    return u * h + (1 - u) * activation(z[2] + candidate)


def gru(
    x: jax.Array,
    kernel: jax.Array,
    recurrent_kernel: jax.Array,
    bias: jax.Array | None = None,
    states: tuple[jax.Array, ...] | None = None,
    *,
    activation: Function = jnp.tanh,
    recurrent_activation: Function = jax.nn.sigmoid,
    reset_after: bool = True,
    input_masks: jax.Array | None = None,
    recurrent_masks: jax.Array | None = None,
    **loop: Any,
) -> tuple[jax.Array, jax.Array, tuple[jax.Array, ...]]:
    """A sequence through `gru_cell`, whose inputs are projected in one product beforehand.

    Args:
        x: (batch, time, inputs).
        kernel: (inputs, 3 * units), the gates in the order u, r, g.
        recurrent_kernel: (units, 3 * units).
        bias: (2, 3 * units), of the inputs and of the recurrent product; (3 * units,) without
            `reset_after`; or None.
        states: (h,), of (batch, units); zeros if None.
        activation: of the candidate.
        recurrent_activation: of the gates.
        reset_after: see `gru_cell`.
        input_masks: (3 or 1, batch, 1, inputs), multiplied onto x, or None.
        recurrent_masks: (3 or 1, batch, units), multiplied onto h in every step, or None.
        loop: `mask`, `go_backwards`, `unroll` and `zero_output_for_mask` of `scan_steps`.

    Returns:
        (last output, (batch, time, units), (h,)).

    >>> import jax.numpy as jnp
    >>> last, y, (h,) = gru(jnp.ones((2, 5, 3)), jnp.ones((3, 12)), jnp.ones((4, 12)))
    >>> y.shape, h.shape
    ((2, 5, 4), (2, 4))

    Source: Cho et al., EMNLP 2014.
    """
    recurrent_bias = None
    if bias is not None and reset_after:
        bias, recurrent_bias = bias[0], bias[1]
    z = projected(x, kernel, bias, input_masks)
    states = zero_states(z, recurrent_kernel.shape[0], 1) if states is None else states

    def step(states: tuple[jax.Array, ...], z: Sequence[jax.Array]) -> Any:
        h = gru_cell(
            z,
            states[0],
            recurrent_kernel,
            recurrent_bias,
            activation=activation,
            recurrent_activation=recurrent_activation,
            reset_after=reset_after,
            recurrent_masks=recurrent_masks,
        )
        return h, (h,)

    return scan_steps(step, states, gates_of(z, 3), **loop)
