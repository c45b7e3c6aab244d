"""Convolutional long short-term memory: the products of LSTM are convolutions."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from nnlib.ops.convolution import Sizes, conv
from nnlib.ops.lstm import State, lstm_gates
from nnlib.ops.recurrence import (
    Function,
    each_step,
    gate_products,
    gates_of,
    joined_products,
    masked,
)
from nnlib.ops.shaping import along_axis
from nnlib.ops.weighted_scan import scan_weighted


def conv_lstm(
    x: jax.Array,
    kernel: jax.Array,
    recurrent_kernel: jax.Array,
    bias: jax.Array | None,
    states: State,
    *,
    strides: Sizes = 1,
    padding: str = "valid",
    dilation: Sizes = 1,
    data_format: str = "channels_last",
    activation: Function = jnp.tanh,
    recurrent_activation: Function = jax.nn.sigmoid,
    input_masks: jax.Array | None = None,
    recurrent_masks: jax.Array | None = None,
    **loop: Any,
) -> tuple[jax.Array, jax.Array, State]:
    """A sequence of images through LSTM's gates; all inputs are convolved before the loop.

    Args:
        x: (batch, time, *spatial, channels), or (batch, time, channels, *spatial).
        kernel: (*window, channels, 4 * filters), the gates in the order i, f, g, o.
        recurrent_kernel: (*window, filters, 4 * filters), slid over h with padding "same".
        bias: (4 * filters,) or None.
        states: the first (h, c), each (batch, *new_spatial, filters).
        strides: of the inputs' convolution.
        padding: of it, "valid" or "same".
        dilation: of it.
        data_format: "channels_last" or "channels_first".
        activation: of the candidate and of the cell.
        recurrent_activation: of the gates.
        input_masks: (4, batch, 1, *step), multiplied onto x for each gate, or None.
        recurrent_masks: (4, batch, *state), multiplied onto h for each gate, or None.
        loop: `mask`, `go_backwards`, `unroll` and `zero_output_for_mask` of `scan_steps`.

    Returns:
        (last output, (batch, time, *new_spatial, filters), last (h, c)).

    >>> import jax.numpy as jnp
    >>> zeros = jnp.zeros((1, 4, 2))
    >>> last, y, (h, c) = conv_lstm(
    ...     jnp.ones((1, 3, 4, 1)), jnp.ones((2, 1, 8)), jnp.ones((2, 2, 8)), None, (zeros, zeros),
    ...     padding="same")
    >>> y.shape
    (1, 3, 4, 2)

    Source: Shi et al., "Convolutional LSTM network", NeurIPS 2015.
    """
    axis = 1 if data_format == "channels_first" else -1

    def convolved(images: jax.Array, kernel: jax.Array) -> jax.Array:
        return conv(images, kernel, strides=strides, padding=padding, dilation=dilation,
                    data_format=data_format)  # fmt: skip

    def of_all_steps(x: jax.Array, kernel: jax.Array) -> jax.Array:
        return each_step(lambda images: convolved(images, kernel), x)

    def of_state(h: jax.Array, kernel: jax.Array) -> jax.Array:
        return conv(h, kernel, padding="same", data_format=data_format)

    def product(kernel: jax.Array, seen: Sequence[jax.Array]) -> jax.Array:
        return joined_products(seen, kernel, of_state, axis)

    def step(kernel: jax.Array, states: State, z: Sequence[jax.Array]) -> Any:
        seen = masked(states[0], recurrent_masks)
        inner = gates_of(product(kernel, seen), 4, axis)
        new = lstm_gates(z, inner, states[1], activation, recurrent_activation)
        return new[0], new, seen

    joined = axis if axis < 0 else axis + 1
    z = gate_products(x, kernel, input_masks, of_all_steps, joined)
    z = z if bias is None else z + along_axis(bias, z.ndim, joined)
    z = jnp.swapaxes(z, 0, 1)
    return scan_weighted(step, product, recurrent_kernel, states, z, 4, axis=joined, **loop)
