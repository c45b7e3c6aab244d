"""Data-parallel training moves gradients alone, once, whatever the layers."""

import numpy as np
import pytest

import nnlib as nn

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
