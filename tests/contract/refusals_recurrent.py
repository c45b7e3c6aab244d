"""Bad arguments of the recurrent layers."""

import jax.numpy as jnp
import numpy as np

from nnlib import Input, errors, layers
from nnlib.core.specs import ShapeSpec
from tests.contract.refusal import refusal

X = jnp.ones((2, 5, 3))


class Stateless(layers.Layer):
    def call(self, inputs, states):
        return inputs, states


class Growing(layers.Layer):
    """Returns one state more than it was given."""

    state_size = 3

    def call(self, inputs, states):
        return inputs, [*states, inputs]


class Averaging(layers.Layer):
    """Looks across the batch."""

    def call(self, x):
        return x - x.mean(0, keepdims=True)


def two_batch_sizes():
    layer = layers.GRU(4, stateful=True)
    layer(X)
    layer(X[:1])


def two_sizes():
    layer = layers.RNN(layers.GRUCell(4))
    layer(X)
    layer(X[:, :, :2])


def one_layer_twice():
    same = layers.LSTM(4)
    layers.Bidirectional(same, backward_layer=layers.LSTM(4, return_state=True, go_backwards=True))


ARGUMENT, SHAPE = errors.ArgumentError, errors.ShapeError
REFUSALS = [
    refusal(lambda: layers.SimpleRNN(0), ARGUMENT, "SimpleRNN.*units.*got 0"),
    refusal(lambda: layers.GRUCell(-1), ARGUMENT, "GRUCell.*units"),
    refusal(lambda: layers.LSTM(4, dropout=1.5), ARGUMENT, "dropout.*1.5"),
    refusal(lambda: layers.GRU(4, recurrent_dropout=-1), ARGUMENT, "recurrent_dropout"),
    refusal(lambda: layers.GRU(4, implementation=3), ARGUMENT, "implementation"),
    refusal(lambda: layers.LSTM(4, use_cudnn=True), ARGUMENT, "use_cudnn.*True"),
    refusal(lambda: layers.LSTM(4, unit=3), errors.UnexpectedArgumentError, "units"),
    refusal(lambda: layers.SimpleRNN(4, implementation=1), errors.UnexpectedArgumentError, "impl"),
    refusal(lambda: layers.GRU(4)(X[0]), SHAPE, "3 axes"),
    refusal(lambda: layers.GRU(4)(X, initial_state=[X[:, 0], X[:, 0]]), SHAPE, "initial_state"),
    refusal(lambda: layers.RNN(layers.GRUCell(4))(X, initial_state=X[:, 0]), SHAPE, r"\(2, 4\)"),
    refusal(lambda: layers.GRU(4)(X, mask=jnp.ones((2, 4))), SHAPE, r"mask.*\(2, 5\)"),
    refusal(lambda: layers.GRU(4)(X, mask=jnp.ones(2)), SHAPE, "mask"),
    refusal(lambda: layers.GRU(4, stateful=True)(Input((5, 3))), SHAPE, "batch_shape"),
    refusal(two_batch_sizes, SHAPE, "2 rows"),
    refusal(two_sizes, SHAPE, "RNN.*size 3"),
    refusal(lambda: layers.GRU(4).reset_states(), ARGUMENT, "stateful=True"),
    refusal(lambda: layers.GRU(4, unroll=True)(Input((None, 3))), SHAPE, "unroll"),
    refusal(lambda: layers.RNN(Stateless()), ARGUMENT, "state_size"),
    refusal(lambda: layers.RNN("lstm"), ARGUMENT, "lstm"),
    refusal(lambda: layers.RNN(Growing())(X), SHAPE, "the cell to return states"),
    refusal(lambda: layers.RNN(layers.GRUCell(4, activity_regularizer="l2")), ARGUMENT, "RNN"),
    refusal(lambda: layers.StackedRNNCells([]), ARGUMENT, "list of cells"),
    refusal(lambda: layers.StackedRNNCells([layers.GRUCell(4)])(X[:, 0], []), ARGUMENT, "1 cells"),
    refusal(lambda: layers.LSTMCell(4)(X[:, 0], [X[:, 0]]), ARGUMENT, "2 arrays"),
    refusal(lambda: layers.Bidirectional(layers.Dense(4)), ARGUMENT, "over sequences"),
    refusal(lambda: layers.Bidirectional(layers.GRU(4), "max"), ARGUMENT, "merge_mode.*max"),
    refusal(lambda: layers.Bidirectional(layers.GRU(4, go_backwards=True)), ARGUMENT, "direction"),
    refusal(one_layer_twice, ARGUMENT, "return_state"),
    refusal(lambda: layers.Bidirectional(layers.GRU(4), weights=[np.ones(3)])(X), SHAPE, "weights"),
    refusal(lambda: layers.TimeDistributed("dense"), ARGUMENT, "TimeDistributed.*dense"),
    refusal(lambda: layers.TimeDistributed(layers.ReLU())(X[0]), SHAPE, "3 axes"),
    refusal(
        lambda: layers.TimeDistributed(layers.ReLU())(X, mask=jnp.ones((2, 4), bool)), SHAPE, "mask"
    ),
    refusal(lambda: layers.ConvLSTM2D(0, 3), ARGUMENT, "filters"),
    refusal(lambda: layers.ConvLSTM2D(4, 3, 2, dilation_rate=2), ARGUMENT, "strides"),
    refusal(lambda: layers.ConvLSTM1D(4, 6)(jnp.ones((1, 2, 5, 3))), SHAPE, "at least"),
    refusal(
        lambda: layers.ConvLSTM1D(4, 3).declare(ShapeSpec((None, 4, None, 3))), SHAPE, "known size"
    ),
]
