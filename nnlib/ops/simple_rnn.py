"""The plain recurrent network: the last output is an input of the next step."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from nnlib.ops.recurrence import Function, joined_products, masked, projected, zero_states
from nnlib.ops.weighted_scan import scan_weighted


def simple_rnn(
    x: jax.Array,
    kernel: jax.Array,
    recurrent_kernel: jax.Array,
    bias: jax.Array | None = None,
    states: tuple[jax.Array, ...] | None = None,
    *,
    activation: Function = jnp.tanh,
    input_masks: jax.Array | None = None,
    recurrent_masks: jax.Array | None = None,
    **loop: Any,
) -> tuple[jax.Array, jax.Array, tuple[jax.Array, ...]]:
    """`h' = activation(x @ kernel + h @ recurrent_kernel + bias)`, from step to step.

    Args:
        x: (batch, time, inputs).
        kernel: (inputs, units).
        recurrent_kernel: (units, units).
        bias: (units,) or None.
        states: (h,), of (batch, units); zeros if None.
        activation: of every step.
        input_masks: (1, batch, 1, inputs), multiplied onto x, or None.
        recurrent_masks: (1, batch, units), multiplied onto h in every step, or None.
        loop: `mask`, `go_backwards`, `unroll` and `zero_output_for_mask` of `scan_steps`.

    Returns:
        (last output, (batch, time, units), (h,)).

    >>> import jax.numpy as jnp
    >>> last, y, (h,) = simple_rnn(jnp.ones((2, 5, 3)), jnp.ones((3, 4)), jnp.ones((4, 4)))
    >>> y.shape, h.shape
    ((2, 5, 4), (2, 4))

    Source: Elman, "Finding structure in time", Cognitive Science 1990.
    """
    z = projected(x, kernel, bias, input_masks)
    states = zero_states(z, recurrent_kernel.shape[0], 1) if states is None else states

    def product(kernel: jax.Array, seen: Sequence[jax.Array]) -> jax.Array:
        return joined_products(seen, kernel)

    def step(kernel: jax.Array, states: tuple[jax.Array, ...], z: Sequence[jax.Array]) -> Any:
        seen = masked(states[0], recurrent_masks)
        h = activation(z[0] + product(kernel, seen))
        return h, (h,), seen

    return scan_weighted(step, product, recurrent_kernel, states, z, 1, **loop)
