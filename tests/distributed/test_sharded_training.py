"""ShardedStrategy: cut weights and slots, and the numbers of one device."""

import contextlib
import functools
import re

import jax
import numpy as np
import pytest
from jax.sharding import PartitionSpec as P

import nnlib as nn
from nnlib.layers.operation import Operation
from nnlib.training.batch import Batch

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
STRATEGIES = {
    "fsdp": nn.distributed.ShardedStrategy,
    "tp": lambda: nn.distributed.ShardedStrategy({"data": 1, "model": 8}, {"out": "model"}),
    "fsdp x tp": lambda: nn.distributed.ShardedStrategy(
        {"data": 4, "model": 2}, {"out": "model"}, remat="layers"
    ),
}


def made(layers, strategy=None, optimizer=None, loss="mse"):
    nn.utils.set_random_seed(3)
    with strategy.scope() if strategy else contextlib.nullcontext():
        model = nn.Sequential(layers())
        model.compile(optimizer or nn.optimizers.SGD(1.0), loss)
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


GROUPED = functools.partial(nn.layers.Conv1D, 6, 6, groups=2)
FILTERS = functools.partial(nn.layers.STFTSpectrogram, "real", frame_length=6)


@pytest.mark.parametrize(
    ("layer", "rules"),
    [(GROUPED, None), (FILTERS, {"it/real_kernel": P("model")})],
    ids=["groups", "windows"],
)
def test_convolutions_that_xla_would_cut_wrongly(layer, rules):
    def moved(strategy):
        layers = [nn.Input((20, 2)), layer(name="it"), nn.layers.Flatten()]
        model = made(lambda: layers, strategy)
        x = np.random.default_rng(0).normal(size=(8, 20, 2))
        model.fit(x, np.zeros((8, *model.output_shape[1:])), batch_size=8, verbose=0)
        return model.get_weights()

    cut = moved(nn.distributed.ShardedStrategy({"data": 4, "model": 2}, rules))
    assert_close(cut, moved(nn.distributed.OneDeviceStrategy("cpu:0")))


def test_batches_that_xla_would_cut_wrongly():
    def loss(y, p):  # of the user: a short batch is not filled up
        return (p * y).mean(-1)

    def moved(strategy):
        layers = [nn.Input((5,), dtype="int32"), nn.layers.Embedding(24, 8)]
        model = made(lambda: layers, strategy, loss=loss)
        y = np.random.default_rng(0).normal(size=(10, 5, 8))
        model.fit(X[recurrent][:10], y, batch_size=16, verbose=0)
        return model.get_weights()

    cut = moved(nn.distributed.ShardedStrategy({"data": 4, "model": 2}))
    assert_close(cut, moved(nn.distributed.OneDeviceStrategy("cpu:0")))


def test_sorted_values_of_which_xla_cannot_cut_the_gradients():
    """It would end this process."""

    def layers():
        return [
            nn.Input((8,)),
            nn.layers.Dense(24),
            nn.layers.Reshape((2, 3, 4)),
            nn.layers.Activation("sparsemax"),
            Operation("sort", {"axis": -2}),
            Operation("median", {"axis": [1, 2]}),
        ]

    def moved(strategy):
        model = made(layers, strategy)
        model.fit(Y[:10], Y[:10, :4], batch_size=16, verbose=0)
        return model.get_weights()

    assert_close(moved(nn.distributed.MirroredStrategy()), moved(None))


def test_layers_of_a_model_with_another_strategy_go_on():
    sharded, mirrored = nn.distributed.ShardedStrategy(), nn.distributed.MirroredStrategy()
    dense = nn.layers.Dense(8)
    first = made(lambda: [nn.Input((8,)), dense], sharded, nn.optimizers.SGD(0.1))
    first.fit(Y, Y, batch_size=ROWS, verbose=0)
    layers = [nn.Input((8,)), dense, nn.layers.Dense(8)]
    second = made(lambda: layers, mirrored, nn.optimizers.SGD(0.1))
    second.fit(Y, Y, batch_size=ROWS, verbose=0)
    first.fit(Y, Y, batch_size=ROWS, verbose=0)
    np.testing.assert_array_equal(first.get_weights()[0], second.get_weights()[0])


def program_of(model, x, y):
    """The compiled loop of a fit, and its text before XLA sees it."""
    trainer = model.trainer
    feed = trainer.feed(Batch(x, y), len(x), "here")
    state, window = trainer.make_state(), feed.begin().take(1)
    runner = trainer.runner("train", len(x), False)
    loop = runner._compile(state, None, window.data, None)
    lowered = loop.lower(state, None, window.data, None, 0, 1)
    return lowered.compile(), lowered.as_text()


def large(strategy):
    nn.utils.set_random_seed(3)
    with strategy.scope():
        model = nn.Sequential([nn.Input((48,)), nn.layers.Dense(96, "tanh"), nn.layers.Dense(40)])
        model.compile("adam", "mse")
    return model


def test_each_device_holds_its_part_and_gathers_weights_alone():
    model, rows = large(nn.distributed.ShardedStrategy()), 8 * 136
    x, y = np.ones((rows, 48), "float32"), np.ones((rows, 40), "float32")
    program, _ = program_of(model, x, y)
    weights_and_slots = 3 * 4 * model.count_params()
    found = program.memory_analysis().argument_size_in_bytes - x.nbytes - y.nbytes
    assert found <= 1.02 * weights_and_slots / 8 + 200  # and keys, counters, sums of metrics
    kinds, shapes = set(), set()
    for text, kind in re.findall(
        r"= (\(?.*?) (all-[a-z]+|reduce-scatter|collective-\w+)\(", program.as_text()
    ):
        kinds.add(kind)
        shapes |= set(re.findall(r"\[([\d,]*)\]", text))
    assert kinds <= {"all-gather", "all-reduce", "reduce-scatter"}
    assert shapes <= {"48,96", "96,48", "96", "96,40", "40,96", "40", ""}


@pytest.mark.parametrize(("remat", "again"), [("weights", "constraint"), ("layers", "dot_general")])
def test_remat_is_in_the_program(remat, again):
    x, y = X[recurrent][:, :1].astype("float32").repeat(48, 1), np.ones((ROWS, 40), "float32")
    texts = [
        program_of(large(nn.distributed.ShardedStrategy(remat=kind)), x, y)[1]
        for kind in (None, remat)
    ]
    assert texts[1].count(again) > texts[0].count(again)
    assert "optimization_barrier" in texts[1]


def test_remat_with_a_step_of_the_user_warns():
    class Own(nn.Sequential):
        def train_step(self, state, data):
            return state, {"loss": 0.0}

    with nn.distributed.ShardedStrategy(remat="layers").scope():
        model = Own([nn.Input((8,)), nn.layers.Dense(8)])
        model.compile("sgd", "mse")
    with pytest.warns(UserWarning, match="jax.checkpoint around"):
        model.fit(np.ones((8, 8)), np.ones((8, 8)), verbose=0)


def whole_arrays(shape):
    return [
        array
        for array in jax.live_arrays()
        if array.shape == shape and array.sharding.is_fully_replicated
    ]


def test_no_weight_is_ever_whole(tmp_path):
    strategy = nn.distributed.ShardedStrategy({"data": 4, "model": 2})
    model = large(strategy)
    x, y = np.ones((16, 48), "float32"), np.ones((16, 40), "float32")
    before = model.evaluate(x, y, verbose=0)
    assert not whole_arrays((48, 96))
    kept = nn.callbacks.ModelCheckpoint(tmp_path / "best.keras", monitor="loss")
    model.fit(x, y, verbose=0, epochs=2, callbacks=[kept])
    assert not whole_arrays((48, 96))
    kernel = model.layers[0].kernel
    assert kernel.sharding.spec == P("data")
    assert kernel.addressable_data(0).shape == (12, 96)
    slots = [a for a in jax.tree.leaves(model.trainer.make_state().opt) if a.shape == (48, 96)]
    assert [slot.sharding for slot in slots] == [kernel.sharding] * 2
    assert model.evaluate(x, y, verbose=0) < before
    np.testing.assert_allclose(model.predict(x, verbose=0), model(x), atol=1e-6)

    with strategy.scope():
        again = nn.models.load_model(tmp_path / "best.keras")
    assert again.layers[0].kernel.sharding == kernel.sharding
    alone = nn.models.load_model(tmp_path / "best.keras")
    again.set_weights(model.get_weights())
    again.layers[0].kernel = np.asarray(model.layers[0].kernel)
    assert not whole_arrays((48, 96))[len(alone.weights) :]
    for one in (model, again, alone):
        one.fit(x, y, verbose=0)
        one.train_on_batch(x, y)
    assert_close(again.get_weights(), model.get_weights())
    assert_close(alone.get_weights(), model.get_weights())
    assert again.layers[0].kernel.sharding == kernel.sharding


def test_initializers_of_numpy_and_weights_from_elsewhere():
    def ones(shape, dtype):
        return np.ones(shape, dtype)

    def of_the_key(key, shape, dtype):  # NumPy cannot be traced
        return np.full(shape, np.asarray(jax.random.key_data(key)).shape[0] / 2, dtype)

    with nn.distributed.ShardedStrategy().scope():
        layer = nn.layers.Dense(8, kernel_initializer=ones, bias_initializer=of_the_key)
        model = nn.Sequential([nn.Input((16,)), layer])
    for weight in layer.weights:
        assert weight.sharding.spec == P("data")
        np.testing.assert_array_equal(weight, 1)
    with pytest.raises(ValueError, match=r"shape \(16, 8\), got \(8, 16\)"):
        layer.kernel = np.ones((8, 16))
    earlier = nn.Sequential([nn.Input((16,)), nn.layers.Dense(8)])
    begin = earlier.get_weights()
    with nn.distributed.ShardedStrategy().scope():
        earlier.compile(nn.optimizers.SGD(0.0), "mse")
    earlier.fit(np.ones((8, 16)), np.ones((8, 8)), verbose=0)
    np.testing.assert_array_equal(earlier.get_weights()[0], begin[0])
    assert earlier.layers[0].kernel.sharding.spec == P("data")
    assert model(np.ones((2, 16), "float32")).shape == (2, 8)
