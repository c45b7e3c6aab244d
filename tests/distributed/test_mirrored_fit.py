"""Training under MirroredStrategy: the numbers of one device, whatever the data looks like."""

import contextlib
import copy
import re

import jax
import numpy as np
import pytest

import nnlib as nn
from nnlib.training.batch import Batch

RNG = np.random.default_rng(0)
X = RNG.normal(size=(52, 6)).astype("float32")
Y = RNG.normal(size=(52, 1)).astype("float32")


def model(*layers, optimizer=None, **options):
    nn.utils.set_random_seed(3)
    made = nn.Sequential([nn.Input((6,)), nn.layers.Dense(8, "tanh"), *layers, nn.layers.Dense(1)])
    made.compile(optimizer or nn.optimizers.SGD(0.1), "mse", **options)
    made.trainer.make_state()  # weights and keys are drawn here, not in the order of use
    return made


def trained(strategy, data, layers=(), **options):
    """The weights after training, and the model."""
    with strategy.scope() if strategy else contextlib.nullcontext():
        made = model(*[layer() for layer in layers])
    history = made.fit(*data, verbose=0, shuffle=False, **options)
    return made, made.get_weights(), history.history


def assert_close(found, expected, tolerance=1e-6):
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * np.abs(b).max())


def as_dataset(batch):
    return (nn.data.Dataset.from_tensor_slices((X, Y)).batch(batch),)


# Plain gradient descent moves the weights by the raw gradients: nothing hides a factor.
@pytest.mark.parametrize("devices", [2, 8])
@pytest.mark.parametrize(
    ("data", "options"),
    [
        ((X[:48], Y[:48]), {"batch_size": 48}),
        ((X[:50], Y[:50]), {"batch_size": 50}),  # rows that cannot be cut evenly
        ((X, Y), {"batch_size": 32}),  # and a short last batch
        (as_dataset(52), {}),
        (as_dataset(24), {}),
    ],
    ids=["even", "odd", "ragged", "dataset", "ragged dataset"],
)
def test_gradients_are_those_of_one_device(devices, data, options):
    strategy = nn.distributed.MirroredStrategy([f"cpu:{i}" for i in range(devices)])
    _, alone, logs = trained(None, data, **options)
    _, spread, spread_logs = trained(strategy, data, **options)
    assert_close(spread, alone)
    np.testing.assert_allclose(spread_logs["loss"], logs["loss"], rtol=1e-6)


def test_dropout_does_not_depend_on_the_number_of_devices():
    layers = [lambda: nn.layers.Dropout(0.5)]
    results = [
        trained(strategy, (X, Y), layers, batch_size=16, epochs=2)[1]
        for strategy in (None, nn.distributed.MirroredStrategy())
    ]
    assert_close(results[1], results[0], 1e-5)


def test_evaluate_and_predict_are_those_of_one_device():
    alone, _, _ = trained(None, (X, Y))
    spread, _, _ = trained(nn.distributed.MirroredStrategy(), (X, Y))
    spread.set_weights(alone.get_weights())
    assert spread.evaluate(X, Y, batch_size=20, verbose=0) == pytest.approx(
        alone.evaluate(X, Y, batch_size=20, verbose=0), rel=1e-6
    )
    np.testing.assert_allclose(spread.predict(X), alone.predict(X), atol=1e-6)
    np.testing.assert_allclose(spread.predict(X[:3]), alone.predict(X[:3]), atol=1e-6)
    assert spread(X[:2]).shape == (2, 1)


def test_train_on_batch():
    made, alone = model(), model()
    with nn.distributed.MirroredStrategy().scope():
        spread = model()
    for one in (made, spread):
        one.train_on_batch(X[:10], Y[:10])
    assert_close(spread.get_weights(), made.get_weights())
    assert not np.allclose(spread.get_weights()[0], alone.get_weights()[0])


@pytest.mark.parametrize("rows", [48, 50])
def test_batch_normalization_is_by_replica(rows):
    """Each replica normalises its own rows; the moving statistics follow the means over them."""
    with nn.distributed.MirroredStrategy([f"cpu:{i}" for i in range(4)]).scope():
        made = nn.Sequential([nn.Input((6,)), nn.layers.BatchNormalization(momentum=0.0)])
        made.compile(nn.optimizers.SGD(0.0), "mse")
    x, y = X[:rows], RNG.normal(size=(rows, 6)).astype("float32")
    history = made.fit(x, y, batch_size=rows, shuffle=False, verbose=0).history
    size = -(-rows // 4)
    parts = [x[start : start + size] for start in range(0, rows, size)]
    normalised = [(p - p.mean(0)) / np.sqrt(p.var(0) + 1e-3) for p in parts]
    expected = np.mean((np.concatenate(normalised) - y) ** 2)
    assert history["loss"][0] == pytest.approx(expected, rel=1e-5)
    layer = made.layers[0]
    np.testing.assert_allclose(layer.moving_mean, np.mean([p.mean(0) for p in parts], 0), atol=1e-6)
    np.testing.assert_allclose(
        layer.moving_variance, np.mean([p.var(0) for p in parts], 0), rtol=1e-5
    )


def test_synchronized_batch_normalization_is_that_of_one_device():
    layers = [lambda: nn.layers.BatchNormalization(synchronized=True)]
    results = [
        trained(strategy, (X, Y), layers, batch_size=20, epochs=2)[1]
        for strategy in (None, nn.distributed.MirroredStrategy())
    ]
    assert_close(results[1], results[0], 1e-5)


def test_one_all_reduce_of_the_gradients_alone():
    """The compiled loop moves the gradients and the sums behind the logs, once a step."""
    with nn.distributed.MirroredStrategy().scope():
        made = model()
    made.fit(X[:48], Y[:48], batch_size=24, verbose=0)
    trainer = made.trainer
    (program,) = trainer.runner("train", 24, False)._compiled.values()
    feed = trainer.feed(Batch(X[:48], Y[:48]), 24, "here")
    window = feed.begin().take(2)
    order = jax.random.permutation(jax.random.key(0), 48)
    text = program.lower(trainer.make_state(), None, window.data, order, 0, 2).compile().as_text()
    collectives = re.findall(r"= (\(?.*?) (all-[a-z]+|reduce-scatter|collective-\w+)\(", text)
    assert [name for _, name in collectives] == ["all-reduce"]
    floats = sum(
        int(np.prod([int(size) for size in shape.split(",") if size]))
        for shape in re.findall(r"f32\[([\d,]*)\]", collectives[0][0])
    )
    sums = 2  # of the losses and of the rows
    assert floats <= made.count_params() + sums


def test_callbacks_and_checkpoints(tmp_path):
    with nn.distributed.MirroredStrategy().scope():
        made = model(optimizer="adam")
    kept = nn.callbacks.ModelCheckpoint(tmp_path / "best.keras", monitor="loss")
    made.fit(X, Y, epochs=2, verbose=0, callbacks=[kept])
    again = nn.models.load_model(tmp_path / "best.keras")
    assert_close(again.get_weights(), made.get_weights())
    alone = again.fit(X, Y, epochs=1, verbose=0).history["loss"]
    assert np.isfinite(alone).all()


def test_training_goes_on_where_it_was():
    with nn.distributed.MirroredStrategy().scope():
        twice, once = model(optimizer="adam"), model(optimizer="adam")
    for epochs in (1, 2):
        twice.fit(X, Y, epochs=epochs, initial_epoch=epochs - 1, verbose=0)
    once.fit(X, Y, epochs=2, verbose=0)
    assert_close(twice.get_weights(), once.get_weights())


def test_arrays_that_a_failed_step_took_do_not_hide_its_error():
    taken, kept = jax.numpy.ones(2), jax.numpy.ones(2)
    taken.delete()
    placement = nn.distributed.MirroredStrategy().placement_of(None)
    assert placement.local([taken, kept])[0] is taken


def test_scopes():
    first, second = nn.distributed.MirroredStrategy(), nn.distributed.MirroredStrategy()
    with first.scope(), first.scope():
        made = model()
    assert made.distribute_strategy is first
    with second.scope(), pytest.raises(ValueError, match="scope of the MirroredStrategy"):
        made.compile("sgd", "mse")
    with first.scope(), pytest.raises(RuntimeError, match="Mixing different strategies"):
        second.scope().__enter__()
    outside = nn.Sequential([nn.Input((2,)), nn.layers.Dense(1)])
    assert outside.distribute_strategy is None
    plain = nn.Sequential([nn.Input((6,)), nn.layers.Dense(1)])
    plain.compile("sgd", "mse")
    with second.scope(), pytest.warns(UserWarning, match="it trains on one device"):
        plain.fit(X, Y, batch_size=52, verbose=0)
    with second.scope():
        outside.compile("sgd", "mse")
    assert outside.distribute_strategy is second
    assert copy.deepcopy(made).distribute_strategy is None


@pytest.mark.parametrize(
    ("devices", "match"),
    [
        (["cpu:0", "/CPU:0"], "once"),
        (["cpu:99"], "is here"),
        (["quantum:0"], "is here"),
        (["cpu"], '"gpu:0"'),
        ("cpu:0", "list of devices"),
        (3, "list of devices"),
    ],
)
def test_devices_that_are_refused(devices, match):
    with pytest.raises(ValueError, match=match):
        nn.distributed.MirroredStrategy(devices)


@pytest.mark.parametrize("devices", [None, []])
def test_all_devices_by_default(devices):
    assert nn.distributed.MirroredStrategy(devices).num_replicas_in_sync == len(jax.devices()) == 8
