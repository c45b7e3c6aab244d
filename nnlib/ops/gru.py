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

Weights = tuple[jax.Array, jax.Array | None]
"""The recurrent kernel, and a bias of its product."""


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
    step = _reset_after if reset_after else _reset_before
    functions = activation, recurrent_activation
    weights = recurrent_kernel, recurrent_bias
    return step(weights, h, gates_of(z, 3), recurrent_masks, *functions)[0]


def _reset_after(
    weights: Weights,
    h: jax.Array,
    z: Sequence[jax.Array],
    masks: jax.Array | None,
    activation: Function,
    recurrent_activation: Function,
) -> tuple[jax.Array, Any]:
    """The next h, and the operand of `_product_after`."""
    seen = masked(h, masks)
    inner = gates_of(_inner(weights, seen), 3)
    u, r = (recurrent_activation(a + b) for a, b in zip(z[:2], inner[:2], strict=True))
    return u * h + (1 - u) * activation(z[2] + r * inner[2]), (seen, r)


def _product_after(weights: Weights, operand: Any) -> jax.Array:
    seen, r = operand
    *gates, candidate = gates_of(_inner(weights, seen), 3)
    return jnp.concatenate([*gates, r * candidate], -1)


def _reset_before(
    weights: Weights,
    h: jax.Array,
    z: Sequence[jax.Array],
    masks: jax.Array | None,
    activation: Function,
    recurrent_activation: Function,
) -> tuple[jax.Array, Any]:
    """The next h, and the operand of `_product_before`."""
    of_gates, of_candidate = _before(weights)
    seen = masked(h, masks if masks is None else masks[:2])
    inner = gates_of(_inner(of_gates, seen), 2)
    u, r = (recurrent_activation(a + b) for a, b in zip(z[:2], inner, strict=True))
    reset = r * (h if masks is None else h * masks[-1])
    candidate = activation(z[2] + jnp.matmul(reset, of_candidate))
    return u * h + (1 - u) * candidate, (seen, reset)


def _product_before(weights: Weights, operand: Any) -> jax.Array:
    (seen, reset), (of_gates, of_candidate) = operand, _before(weights)
    return jnp.concatenate([_inner(of_gates, seen), jnp.matmul(reset, of_candidate)], -1)


def _before(weights: Weights) -> tuple[Weights, jax.Array]:
    """The weights of the gates, and the kernel of what is reset."""
    kernel, bias = weights
    split = 2 * kernel.shape[0]
    return (kernel[:, :split], None if bias is None else bias[:split]), kernel[:, split:]


def _inner(weights: Weights, seen: Sequence[jax.Array]) -> jax.Array:
    kernel, bias = weights
    product = joined_products(seen, kernel)
    return product if bias is None else product + bias[None]


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

    one_step, product = (
        (_reset_after, _product_after) if reset_after else (_reset_before, _product_before)
    )

    def step(weights: Weights, states: tuple[jax.Array, ...], z: Sequence[jax.Array]) -> Any:
        h, operand = one_step(
            weights, states[0], z, recurrent_masks, activation, recurrent_activation
        )
        return h, (h,), operand

    weights = recurrent_kernel, recurrent_bias
    return scan_weighted(step, product, weights, states, z, 3, **loop)
