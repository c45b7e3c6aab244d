"""Data-parallel training moves gradients alone, once, whatever the layers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import nnlib as nn
from nnlib.ops.gru import gru, gru_cell
from nnlib.ops.recurrence import projected, scan_steps

L = nn.layers
ROWS, STEPS = 16, (5, 4)


def loops(x):
    """Each way to run a sequence: masks, dropout, cells, directions, unrolled or not."""
    yield L.LSTM(3)(L.Masking()(x))
    yield L.LSTM(3, dropout=0.5, recurrent_dropout=0.5, go_backwards=True)(x)
    yield L.GRU(3, unroll=True)(x)
    yield L.GRU(3, reset_after=False, recurrent_dropout=0.5)(x)
    yield L.RNN([L.LSTMCell(3), L.GRUCell(2)])(x)
    yield L.Bidirectional(L.SimpleRNN(3))(x)
    yield L.SimpleRNN(3, stateful=True, use_bias=False)(x)
    yield L.Flatten()(L.ConvLSTM1D(2, 2)(L.Reshape((5, 4, 1))(x)))


def others(x):
    """One of each kind of layer with weights that other layers are made of."""
    yield L.Flatten()(L.TimeDistributed(L.Dense(3, "relu"))(x))
    yield L.Flatten()(L.MultiHeadAttention(2, 3)(x, x))
    yield L.Flatten()(L.BatchNormalization()(L.Conv1D(3, 2)(x)))
    yield L.Flatten()(L.DepthwiseConv1D(2)(L.LayerNormalization()(x)))
    yield L.Flatten()(L.Conv1D(4, 2, groups=2)(x))
    yield L.Flatten()(L.EinsumDense("btf,fg->btg", (None, 3))(x))
    yield L.Flatten()(L.Embedding(7, 3)(L.Lambda(lambda v: v[..., 0].astype("int32"))(x)))


STATES = ROWS * 3 * 4  # of the stateful layer, which every device keeps as a whole
MOMENTS = 4 * (3 + 3 + 2)  # of BatchNormalization, for its state


@pytest.mark.parametrize(
    ("kinds", "gathered", "summed"), [(loops, [STATES], 0), (others, [], MOMENTS)]
)
def test_nothing_but_gradients_moves(kinds, gathered, summed):
    """No activations, and nothing within a loop: one sum of everything."""
    inputs = nn.Input(batch_shape=(ROWS, *STEPS))
    model = nn.Model(inputs, L.Dense(1)(L.Concatenate()(list(kinds(inputs)))))
    model.compile("sgd", "mse")
    batch = np.ones((ROWS, *STEPS), "float32"), np.ones((ROWS, 1), "float32")
    strategy = nn.distributed.MirroredStrategy()
    found = nn.distributed.plan(model, strategy, batch, verbose=False)
    kinds_of_traffic = [one.kind for one in found.collectives]
    assert kinds_of_traffic == ["all-gather"] * len(gathered) + ["all-reduce"]
    assert {one.times for one in found.collectives} == {1}
    more = 7 / 8 * sum(gathered) + 2 * 7 / 8 * (summed + 4)  # and the loss
    assert found.collective_bytes - found.least_bytes == more


def test_gradients_behind_the_loop_are_those_of_the_plain_loop():
    """To any order, backwards and forwards; of what functions take from around them, too."""
    rng = np.random.default_rng(0)
    shapes = {"x": (2, 4, 3), "kernel": (3, 6), "own": (2, 6), "bias": (2, 6), "h": (2, 2)}
    p = {name: jnp.asarray(rng.normal(size=shape), "float32") for name, shape in shapes.items()}
    p["slope"] = jnp.float32(1.3)
    mask = jnp.array([[1, 1, 0, 1], [0, 1, 1, 1]], bool)

    def activation(p):
        return lambda v: jnp.tanh(p["slope"] * v)

    def plain(p):
        z = projected(p["x"], p["kernel"], p["bias"][0])

        def step(h, z):
            h = gru_cell(z, h, p["own"], p["bias"][1], activation=activation(p))
            return h, h

        return jnp.sum(jnp.sin(scan_steps(step, p["h"], z, mask)[1]))

    def behind(p):
        weights = p["x"], p["kernel"], p["own"], p["bias"], (p["h"],)
        return jnp.sum(jnp.sin(gru(*weights, activation=activation(p), mask=mask)[1]))

    @jax.jit
    def derivatives(p, direction):
        found = []
        for f in (plain, behind):
            gradient, second = jax.jvp(jax.grad(f), (p,), (direction,))
            found.append((gradient, second, jax.jvp(f, (p,), (direction,))))
        return found

    direction = jax.tree.map(jnp.cos, p)
    for a, b in zip(*map(jax.tree.leaves, derivatives(p, direction)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=2e-6)
