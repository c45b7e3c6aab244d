"""Loops whose weights get their gradients behind them, against plain loops over their cells."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nnlib.ops.conv_lstm import conv_lstm
from nnlib.ops.convolution import conv
from nnlib.ops.gru import gru, gru_cell
from nnlib.ops.lstm import lstm_gates
from nnlib.ops.recurrence import projected, scan_steps

MASK = jnp.array([[1, 1, 0, 1], [0, 1, 1, 1]], bool)


def arrays(**shapes):
    rng = np.random.default_rng(0)
    return {name: jnp.asarray(rng.normal(size=shape), "float32") for name, shape in shapes.items()}


def activation(p):
    return lambda v: jnp.tanh(p["slope"] * v)


def of_gru(**options):
    """(params, the plain loop, ours): their outputs by the params."""
    after = options["reset_after"]
    p = arrays(
        x=(2, 4, 3), kernel=(3, 6), own=(2, 6), bias=(2, 6) if after else (6,), h=(2, 2), slope=()
    )

    def plain(p):
        bias, own_bias = p["bias"] if after else (p["bias"], None)
        cell = {"activation": activation(p), **options}

        def step(h, z):
            h = gru_cell(z, h, p["own"], own_bias, **cell)
            return h, h

        return scan_steps(step, p["h"], projected(p["x"], p["kernel"], bias), MASK)[1]

    def behind(p):
        weights = p["x"], p["kernel"], p["own"], p["bias"], (p["h"],)
        return gru(*weights, activation=activation(p), mask=MASK, **options)[1]

    return p, plain, behind


def of_images():
    """Likewise, of a convolutional LSTM with the channels before the pixels."""
    p = arrays(x=(2, 4, 1, 3), kernel=(2, 1, 8), own=(2, 2, 8), h=(2, 2, 3), c=(2, 2, 3), slope=())
    same = {"padding": "same", "data_format": "channels_first"}

    def plain(p):
        def step(states, x):
            z, inner = conv(x, p["kernel"], **same), conv(states[0], p["own"], **same)
            gates = (jnp.split(part, 4, 1) for part in (z, inner))
            states = lstm_gates(*gates, states[1], activation(p), jax.nn.sigmoid)
            return states[0], states

        return scan_steps(step, (p["h"], p["c"]), jnp.swapaxes(p["x"], 0, 1), MASK)[1]

    def behind(p):
        weights = p["x"], p["kernel"], p["own"], None, (p["h"], p["c"])
        return conv_lstm(*weights, **same, activation=activation(p), mask=MASK)[1]

    return p, plain, behind


@pytest.mark.parametrize(
    "make",
    [
        lambda: of_gru(reset_after=True),
        lambda: of_gru(reset_after=False, recurrent_masks=arrays(m=(3, 2, 2))["m"]),
        of_images,
    ],
    ids=["reset after", "reset before, masks", "images"],
)
def test_derivatives_are_those_of_the_plain_loop(make):
    """To any order, backwards and forwards; of what functions take from around them, too."""
    p, *functions = make()

    @jax.jit
    def derivatives(p, direction):
        found = []
        for function in functions:
            f = lambda p, function=function: jnp.sum(jnp.sin(function(p)))  # noqa: E731
            gradient, second = jax.jvp(jax.grad(f), (p,), (direction,))
            found.append((gradient, second, jax.jvp(f, (p,), (direction,))))
        return found

    for a, b in zip(*map(jax.tree.leaves, derivatives(p, jax.tree.map(jnp.cos, p))), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=2e-6)


def test_states_and_weights_may_have_more_bits_than_inputs():
    x, kernel = jnp.ones((2, 5, 3), "bfloat16"), jnp.ones((3, 12), "bfloat16")

    def last(own):
        return gru(x, kernel, own, None, (jnp.zeros((2, 4)),))[0].sum()

    gradient = jax.grad(last)(jnp.full((4, 12), 0.1))
    assert gradient.dtype == "float32"
    assert np.all(np.isfinite(gradient))


@pytest.mark.parametrize("zeros", [False, True])
def test_a_sequence_of_no_steps_leaves_the_states(zeros):
    h = jnp.ones((2, 4))
    options = {"mask": jnp.ones((2, 0), bool), "zero_output_for_mask": zeros}
    weights = jnp.ones((3, 12)), jnp.ones((4, 12)), None, (h,)
    last, outputs, (state,) = gru(jnp.ones((2, 0, 3)), *weights, **options)
    assert outputs.shape == (2, 0, 4)
    np.testing.assert_array_equal(last, h)
    np.testing.assert_array_equal(state, h)
