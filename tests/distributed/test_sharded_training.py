"""ShardedStrategy: cut weights and slots, and the numbers of one device."""

import contextlib
import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec as P

import nnlib as nn

RNG = np.random.default_rng(0)
ROWS = 16


class Attending(nn.layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.attend = nn.layers.MultiHeadAttention(2, 8)

    def call(self, x):
        return x + self.attend(x, x)


def convolving():
    return [
        nn.Input((5, 5, 8)),
        nn.layers.Conv2D(16, 3),
        nn.layers.BatchNormalization(synchronized=True),
        nn.layers.GlobalAveragePooling2D(),
        nn.layers.Dense(8),
    ]


def recurrent():
    return [
        nn.Input((5,), dtype="int32"),
        nn.layers.Embedding(24, 8),
        nn.layers.LSTM(16, return_sequences=True),
        Attending(),
        nn.layers.Flatten(),
        nn.layers.Dense(8),
    ]


X = {
    convolving: RNG.normal(size=(ROWS, 5, 5, 8)).astype("float32"),
    recurrent: RNG.integers(0, 24, (ROWS, 5)).astype("int32"),
}
Y = RNG.normal(size=(ROWS, 8)).astype("float32")
MEGATRON = {"out": "model", "*/attention_output/kernel": P("model")}
STRATEGIES = {
    "fsdp": lambda: nn.distributed.ShardedStrategy(),
    "tp": lambda: nn.distributed.ShardedStrategy({"data": 1, "model": 8}, {"out": "model"}),
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


def assert_close(found, expected, tolerance=1e-6):
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * max(np.abs(b).max(), 1))


@functools.cache
def moved_by_gradient_descent(layers, strategy=None):
    """Gradient descent at rate 1 moves the weights by the raw gradients."""
    model = made(layers, strategy and STRATEGIES[strategy]())
    begin = model.get_weights()
    model.fit(X[layers], Y, batch_size=ROWS, epochs=1, verbose=0, shuffle=False)
    cut = [not weight.sharding.is_fully_replicated for weight in model.weights]
    return begin, [a - b for a, b in zip(model.get_weights(), begin, strict=True)], cut


@pytest.mark.parametrize("layers", X, ids=lambda layers: layers.__name__)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_gradients_are_those_of_one_device(strategy, layers):
    begin, moved, cut = moved_by_gradient_descent(layers, strategy)
    begin_alone, alone, _ = moved_by_gradient_descent(layers)
    for a, b in zip(begin, begin_alone, strict=True):
        np.testing.assert_array_equal(a, b)
    assert_close(moved, alone)
    assert any(cut) if strategy == "tp" else all(cut)
