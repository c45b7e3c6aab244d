"""What a sharded training keeps besides weights, in what dtype, and where its rows come from."""

import contextlib

import jax
import numpy as np
import optax
import pytest

import nnlib as nn
from nnlib.core.dtypes import set_dtype_policy
from nnlib.training import source

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 16)).astype("float32")
Y = RNG.normal(size=(40, 8)).astype("float32")


def strategy_of(devices, kind=nn.distributed.ShardedStrategy):
    return kind(devices=[f"cpu:{i}" for i in range(devices)])


def made(strategy, optimizer, *more, **options):
    nn.utils.set_random_seed(3)
    with strategy.scope() if strategy else contextlib.nullcontext():
        model = nn.Sequential([nn.Input((16,)), nn.layers.Dense(32, "tanh"), nn.layers.Dense(8)])
        model.compile(optimizer, "mse", *more, **options)
    model.trainer.make_state()  # weights and keys are drawn here
    return model


def assert_close(found, expected, tolerance=1e-6):
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * np.abs(b).max())


def slots_of(model):
    paths = jax.tree_util.tree_flatten_with_path(model.trainer.make_state().opt)[0]
    return {jax.tree_util.keystr(path): slot for path, slot in paths if np.size(slot) > 1}


# Checkpoints -------------------------------------------------------------------------------------


def saved(model, path):
    model.save(path) if path.suffix else nn.saving.Checkpoint(model).write(path)


def restored(model, strategy, path):
    if not path.suffix:
        nn.saving.Checkpoint(model).restore(path)
        return model
    with strategy.scope() if strategy else contextlib.nullcontext():
        return nn.models.load_model(path)


@pytest.mark.parametrize("name", ["folder", "model.keras"])
def test_checkpoints_go_from_eight_devices_to_two_and_to_one(tmp_path, name):
    """Weights, slots, key and step: the training is that of one device in one go."""

    def momentum():
        return nn.optimizers.SGD(0.1, momentum=0.9)

    def fit(model, epochs):
        model.fit(X, Y, batch_size=20, epochs=epochs, verbose=0)

    whole = made(None, momentum())
    fit(whole, 3)
    path = tmp_path / name
    for number, devices in enumerate((8, 2, None)):
        strategy = strategy_of(devices) if devices else None
        model = made(strategy, momentum())
        if number:
            model = restored(model, strategy, path)
            assert int(model.optimizer.iterations) == 2 * number
        fit(model, 1)
        if devices:
            assert {slot.sharding.num_devices for slot in slots_of(model).values()} == {devices}
        saved(model, path)
    assert_close(model.get_weights(), whole.get_weights())


# Slots -------------------------------------------------------------------------------------------


def nested():
    """Slots at any depth belong to the weights whose paths they end in."""

    def kinds(params):
        return jax.tree.map(lambda weight: "matrix" if weight.ndim == 2 else "vector", params)

    inner = optax.chain(optax.clip_by_global_norm(1.0), optax.trace(0.9), optax.sgd(0.1))
    each = {"matrix": inner, "vector": optax.sgd(0.1, momentum=0.9)}
    steps = optax.MultiSteps(optax.multi_transform(each, kinds), 2)
    return steps.gradient_transformation()


@pytest.mark.parametrize("optimizer", [nested, lambda: nn.optimizers.Adafactor(0.1)])
def test_slots_are_cut_as_their_weights(optimizer):
    models = [made(strategy, optimizer()) for strategy in (None, strategy_of(8))]
    for model in models:
        model.fit(X, Y, batch_size=20, verbose=0)
    assert_close(models[1].get_weights(), models[0].get_weights(), 2e-6)
    whole = {p for p, slot in slots_of(models[1]).items() if slot.sharding.is_fully_replicated}
    # The first axis of both kernels is cut: means over it are whole, means over the other are not.
    columns = {f"['slots']['c']['{name}']['kernel']" for name in ("dense", "dense_1")}
    assert whole == (set() if optimizer is nested else columns)


# 16-bit floats -----------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_errs_no_more_than_on_one_device(policy):
    """Against gradients in float32, by gradient descent at rate 1."""

    def gradients(strategy, policy):
        set_dtype_policy(policy)
        model = made(strategy, nn.optimizers.SGD(1.0))
        begin = model.get_weights()
        model.fit(X, Y, batch_size=40, verbose=0)
        assert {str(weight.dtype) for weight in model.weights} == {"float32"}
        return [a - b for a, b in zip(model.get_weights(), begin, strict=True)]

    exact = gradients(None, "float32")
    alone, mirrored, sharded = (
        [np.linalg.norm(a - b) / np.linalg.norm(b) for a, b in zip(found, exact, strict=True)]
        for found in (
            gradients(None, policy),
            gradients(strategy_of(8, nn.distributed.MirroredStrategy), policy),
            gradients(strategy_of(8), policy),
        )
    )
    bound = 0.02 if policy == "mixed_bfloat16" else 0.003
    assert 1e-5 < max(alone) < bound
    assert max(mirrored) < 2 * max(alone)
    assert max(sharded) < 2 * max(alone)


@pytest.mark.parametrize("kind", ["MirroredStrategy", "ShardedStrategy"])
def test_loss_scaling_is_that_of_one_device(kind):
    """An overflow on one device makes all of them leave the step out."""
    set_dtype_policy("mixed_float16")
    y = Y.copy()
    y[-1] *= 3000  # in the rows of the last device
    found = []
    for strategy in (None, strategy_of(8, getattr(nn.distributed, kind))):
        scaled = nn.optimizers.LossScaleOptimizer(
            nn.optimizers.SGD(0.01), initial_scale=2.0**14, dynamic_growth_steps=2
        )
        model = made(strategy, scaled)
        model.fit(X, y, batch_size=40, epochs=6, verbose=0, shuffle=False)
        opt = model.trainer.make_state().opt
        numbers = [int(opt[name]) for name in ("step", "loss_scale", "finite_steps")]
        found.append((numbers, model.get_weights()))
    assert 0 < found[0][0][0] < 6  # steps were left out, and others were not
    assert found[1][0] == found[0][0]
    assert_close(found[1][1], found[0][1], 1e-2)


def test_weights_travel_in_the_dtype_of_the_layer():
    set_dtype_policy("mixed_bfloat16")
    model = made(strategy_of(8), nn.optimizers.SGD(0.1))
    batch = nn.training.batch.Batch(X, Y)
    trainer = model.trainer
    feed = trainer.feed(batch, 40, "here")
    window, runner = feed.begin().take(1), trainer.runner("train", 40, False)
    loop = runner._compile(trainer.make_state(), None, window.data, None)
    text = loop.lower(trainer.make_state(), None, window.data, None, 0, 1).as_text()
    gathers = [line for line in text.splitlines() if "constraint" in line and "[{}, {}]" in line]
    kernels = [line for line in gathers if "32x8x" in line or "16x32x" in line]
    assert sum("xbf16>" in line for line in kernels) == 4  # of both, and of their gradients


# Rows --------------------------------------------------------------------------------------------


def test_large_data_streams_with_the_order_of_rows(monkeypatch):
    """2 GiB on all devices together; what is larger comes batch by batch, each cut over them."""
    monkeypatch.setattr(source, "RESIDENT_BYTES", 8 * (X.nbytes + Y.nbytes) - 1)
    found = []
    for strategy in (None, strategy_of(8)):
        model = made(strategy, nn.optimizers.SGD(0.1))
        logs = model.fit(
            X, Y, batch_size=16, epochs=2, verbose=0
        ).history  # of 40: the last is short
        found.append([*model.get_weights(), *logs.values(), model.predict(X, 16, verbose=0)])
    assert_close(found[1], found[0])
    for rows, held in ((40, (2, 16)), (39, (39, 16))):
        data = nn.training.batch.Batch(X[:rows], Y[:rows])
        window = source.Source(data, 16, model.trainer.placement).window(None, 1, 2)
        assert window[0].x.addressable_data(0).shape == held


# Layers and steps --------------------------------------------------------------------------------


def test_stateful_layers_go_on_from_where_they_were():
    x = X[:32].reshape(32, 4, 4)
    found = []
    for strategy in (None, strategy_of(2, nn.distributed.MirroredStrategy)):
        nn.utils.set_random_seed(3)
        with strategy.scope() if strategy else contextlib.nullcontext():
            layer = nn.layers.SimpleRNN(8, stateful=True)
            model = nn.Sequential([nn.Input((4, 4), batch_size=16), layer])
            model.compile(nn.optimizers.SGD(0.1), "mse")
        model.fit(x, Y[:32], batch_size=16, verbose=0, shuffle=False)
        predicted = model.predict(x, 16, verbose=0)
        loss = model.evaluate(x, Y[:32], 16, verbose=0)
        found.append([*model.get_weights(), predicted, np.array(loss)])
    assert_close(found[1], found[0])


def test_steps_that_are_not_compiled_take_uneven_batches():
    """As `run_eagerly=True` does; a trace would cut them."""
    placement = made(strategy_of(8), "sgd").trainer.placement
    for rows, held in ((3, 3), (16, 2)):
        batch = placement.spread(placement.batch(nn.training.batch.Batch(X[:rows], Y[:rows])))
        np.testing.assert_array_equal(batch.x, X[:rows])
        assert batch.x.addressable_data(0).shape == (held, 16)
