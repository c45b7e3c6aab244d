"""Gated recurrent units, and sequences run through them."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from nnlib.ops.recurrence import (
    Function,
    gates_of,
    joined_products,
    masked,
    projected,
    zero_states,
)
from nnlib.ops.weighted_scan import scan_weighted


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
    z = _with_bias(gates_of(z, 3), recurrent_bias, reset_after)
    step = _step_after if reset_after else _step_before
    functions = activation, recurrent_activation
    return step(recurrent_kernel, h, z, recurrent_masks, *functions)[0]


def _with_bias(
    z: Sequence[jax.Array], bias: jax.Array | None, reset_after: bool
) -> tuple[jax.Array, ...]:
    """The gates, with what else is added before the product of the candidate is reset."""
    u, r, g = z
    parts = [jnp.zeros_like(g)] * 3
    if bias is not None:
        parts = [jnp.broadcast_to(part, g.shape) for part in jnp.split(bias, 3)]
        u, r = u + parts[0], r + parts[1]
    return (u, r, g, parts[2]) if reset_after else (u, r, g)


def _step_after(
    kernel: jax.Array,
    h: jax.Array,
    z: Sequence[jax.Array],
    masks: jax.Array | None,
    activation: Function,
    recurrent_activation: Function,
) -> tuple[jax.Array, Any]:
    """The next h with `reset_after`, and what the kernel was multiplied with."""
    seen = masked(h, masks)
    gates = (a + b for a, b in zip(z, _product_after(kernel, seen), strict=True))
    u, r, g, candidate = gates
    u, r = recurrent_activation(u), recurrent_activation(r)
    return u * h + (1 - u) * activation(g + r * candidate), seen


def _product_after(kernel: jax.Array, seen: Sequence[jax.Array]) -> tuple[jax.Array, ...]:
    u, r, candidate = gates_of(joined_products(seen, kernel), 3)
    return u, r, jnp.zeros_like(u), candidate


def _step_before(
    kernel: jax.Array,
    h: jax.Array,
    z: Sequence[jax.Array],
    masks: jax.Array | None,
    activation: Function,
    recurrent_activation: Function,
) -> tuple[jax.Array, Any]:
    """The next h where it is reset before the product, and what the kernel was multiplied with."""
    gates_kernel, own_kernel = _parts_before(kernel)
    seen = masked(h, masks if masks is None else masks[:2])
    gates = gates_of(joined_products(seen, gates_kernel), 2)
    u, r = (recurrent_activation(a + b) for a, b in zip(z[:2], gates, strict=True))
    reset = r * (h if masks is None else h * masks[-1])
    candidate = activation(z[2] + jnp.matmul(reset, own_kernel))
    return u * h + (1 - u) * candidate, (seen, reset)


def _product_before(kernel: jax.Array, operands: Any) -> tuple[jax.Array, ...]:
    (seen, reset), (gates_kernel, own_kernel) = operands, _parts_before(kernel)
    gates = gates_of(joined_products(seen, gates_kernel), 2)
    return *gates, jnp.matmul(reset, own_kernel)


def _parts_before(kernel: jax.Array) -> tuple[jax.Array, jax.Array]:
    units = kernel.shape[0]
    return kernel[:, : 2 * units], kernel[:, 2 * units :]


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
    z = projected(x, kernel, bias, input_masks, gates=3)
    states = zero_states(z, 1) if states is None else states

    one_step, product = (
        (_step_after, _product_after) if reset_after else (_step_before, _product_before)
    )

    def step(kernel: jax.Array, states: tuple[jax.Array, ...], z: Sequence[jax.Array]) -> Any:
        h, operands = one_step(
            kernel, states[0], z, recurrent_masks, activation, recurrent_activation
        )
        return h, (h,), operands

    z = _with_bias(z, recurrent_bias, reset_after)
    return scan_weighted(step, product, recurrent_kernel, states, z, **loop)
