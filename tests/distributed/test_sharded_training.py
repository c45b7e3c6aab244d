"""ShardedStrategy: cut weights and slots, and the numbers of one device."""

import contextlib
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec as P

import nnlib as nn

RNG = np.random.default_rng(0)
ROWS = 16


def dense():
    return [nn.Input((16,)), nn.layers.Dense(32, "tanh"), nn.layers.Dense(8)]


def convolving():
    return [
        nn.Input((6, 6, 8)),
        nn.layers.Conv2D(16, 3),
        nn.layers.BatchNormalization(synchronized=True),
        nn.layers.GlobalAveragePooling2D(),
        nn.layers.Dense(8),
    ]


def recurrent():
    return [
        nn.Input((5,), dtype="int32"),
        nn.layers.Embedding(24, 8),
        nn.layers.LSTM(16),
        nn.layers.Dense(8),
    ]


class Attending(nn.layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.attend = nn.layers.MultiHeadAttention(4, 8)

    def call(self, x):
        return x + self.attend(x, x)


def attention():
    return [nn.Input((4, 16)), Attending(), nn.layers.Flatten(), nn.layers.Dense(8)]


MODELS = {"dense": dense, "conv": convolving, "lstm": recurrent, "attention": attention}
STRATEGIES = {
    "fsdp": lambda: nn.distributed.ShardedStrategy(),
    "tp": lambda: nn.distributed.ShardedStrategy(
        {"data": 1, "model": 8}, {"out": "model", "*attend/*": P(None, None)}
    ),
    "fsdp x tp": lambda: nn.distributed.ShardedStrategy(
        {"data": 4, "model": 2}, {"out": "model"}, remat="layers"
    ),
}


def made(layers, strategy=None, optimizer=None):
    nn.utils.set_random_seed(3)
    with strategy.scope() if strategy else contextlib.nullcontext():
        model = nn.Sequential(layers())
        model.compile(optimizer or nn.optimizers.SGD(1.0), "mse")
    model.trainer.make_state()  # weights and keys are drawn here
    return model


def data(model):
    shape = model.input_shape[1:]
    integers = RNG.integers(0, 24, (ROWS, *shape)).astype("int32")
    x = integers if len(shape) == 1 and shape[0] == 5 else RNG.normal(size=(ROWS, *shape))
    return np.asarray(x, integers.dtype if x is integers else "float32"), RNG.normal(
        size=(ROWS, 8)
    ).astype("float32")


def assert_close(found, expected, tolerance=1e-6):
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * max(np.abs(b).max(), 1))


@pytest.mark.parametrize("layers", MODELS.values(), ids=MODELS)
@pytest.mark.parametrize("strategy", STRATEGIES.values(), ids=STRATEGIES)
def test_gradients_are_those_of_one_device(strategy, layers):
    """Gradient descent at rate 1 moves the weights by the raw gradients."""
    try:
        spread = made(layers, strategy())
    except nn.errors.ArgumentError:
        raise
    alone = made(layers)
    begin = alone.get_weights()
    for a, b in zip(spread.get_weights(), begin, strict=True):
        np.testing.assert_array_equal(a, b)
    x, y = data(alone)
    for model in (spread, alone):
        model.fit(x, y, batch_size=ROWS, epochs=1, verbose=0, shuffle=False)
    moved = [[a - b for a, b in zip(m.get_weights(), begin, strict=True)] for m in (spread, alone)]
    assert_close(*moved)
    assert any(not w.sharding.is_fully_replicated for w in spread.weights)
