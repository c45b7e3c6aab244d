"""What a model was compiled with: written and read, here, by Keras 3 and by Keras 2."""

import json

import jax.numpy as jnp
import numpy as np
import pytest

import nnlib as nn
from nnlib import saving
from nnlib.core.errors import ArgumentError, CorruptFileError, UnknownNameError
from nnlib.models import model_from_json
from nnlib.saving.keras_config import (
    compile_config,
    compile_from_config,
    model_config,
    model_from_config,
)


def plain(data):
    return json.loads(json.dumps(data))


def two_ends(lib):
    x = lib.Input((3,), name="x")
    a, b = lib.layers.Dense(2, name="a")(x), lib.layers.Dense(1, name="b")(x)
    return lib.Model(x, {"a": a, "b": b})


def one_end(lib):
    return lib.Sequential([lib.Input((3,)), lib.layers.Dense(1, name="a")])


@saving.register_keras_serializable("shop")
def price_error(y_true, y_pred):
    return abs(y_true - y_pred)


def arguments(lib, number):
    schedule = lib.optimizers.schedules.ExponentialDecay(0.1, 100, 0.9)
    return [
        (one_end, {"optimizer": "adam", "loss": "mse", "metrics": ["mae", "accuracy"]}),
        (
            one_end,
            {
                "optimizer": lib.optimizers.SGD(schedule, momentum=0.9, nesterov=True),
                "loss": lib.losses.BinaryCrossentropy(label_smoothing=0.1),
                "metrics": [lib.metrics.MeanSquaredError(name="error")],
                "weighted_metrics": ["mae"],
            },
        ),
        (
            two_ends,
            {
                "optimizer": lib.optimizers.AdamW(0.01, weight_decay=0.1, clipnorm=1.0),
                "loss": {"a": "mse", "b": lib.losses.BinaryCrossentropy(from_logits=True)},
                "loss_weights": {"a": 1.0, "b": 0.5},
                "metrics": {"a": ["mae"], "b": [lib.metrics.BinaryAccuracy(threshold=0.4)]},
            },
        ),
        (one_end, {"optimizer": "rmsprop", "loss": None, "run_eagerly": True}),
    ][number]


def seen(model, lib):
    """What both libraries have to agree on."""
    optimizer = model.optimizer.get_config()
    return {
        "optimizer": type(model.optimizer).__name__,
        **{k: optimizer.get(k) for k in ("clipnorm", "momentum", "weight_decay")},
        "rate": round(float(model.optimizer.learning_rate), 6),
    }


def losses_of(model, x, y):
    found = model.evaluate(x, y, verbose=0, return_dict=True)
    return {key: float(value) for key, value in found.items()}


@pytest.mark.parametrize("number", range(4))
def test_there_and_back(keras, number):
    make, given = arguments(nn, number)
    ours = make(nn)
    ours.compile(**given)
    config = plain(model_config(ours))
    theirs = keras.saving.deserialize_keras_object(config)
    assert seen(theirs, keras) == seen(ours, nn)
    back = model_from_json(theirs.to_json())
    assert seen(back, nn) == seen(ours, nn)
    assert back.trainer.compiled.run_eagerly == ours.trainer.compiled.run_eagerly
    assert back.trainer.compiled.steps_per_execution is None
    if given["loss"] is None:
        return
    weights = [np.full(w.shape, 0.3, "float32") for w in ours.get_weights()]
    x = np.linspace(0, 1, 12, dtype="float32").reshape(4, 3)
    y = np.array([[0], [1], [1], [0]], "float32")
    y = y if make is one_end else {"a": np.hstack([y, y]), "b": y}
    found = []
    for model in (ours, theirs, back):
        model.set_weights(weights)
        found.append(losses_of(model, x, y))
    assert found[0].keys() == found[2].keys()
    for name, value in found[0].items():
        assert found[2][name] == pytest.approx(value, abs=1e-5)
        if name in found[1]:
            assert found[1][name] == pytest.approx(value, abs=1e-5)
    assert found[1]["loss"] == pytest.approx(found[0]["loss"], abs=1e-5)


def test_what_is_written_word_for_word(keras):
    ours, theirs = one_end(nn), one_end(keras)
    for model in (ours, theirs):
        model.compile("sgd", "mse", metrics=["mae"])
    mine, other = plain(ours.get_compile_config()), plain(theirs.get_compile_config())
    assert mine.keys() == other.keys()
    assert mine["optimizer"].keys() == other["optimizer"].keys()
    assert mine["optimizer"]["module"] == other["optimizer"]["module"]
    for key in mine.keys() - {"optimizer", "jit_compile"}:
        assert mine[key] == other[key], key
    assert mine["optimizer"]["config"].keys() <= other["optimizer"]["config"].keys()
    assert one_end(nn).get_compile_config() == {}
    assert "compile_config" not in model_config(one_end(nn))


def test_functions_of_users():
    model = one_end(nn)
    model.compile("sgd", price_error, metrics=[price_error])
    config = plain(compile_config(model))
    assert config["loss"]["config"] == "shop>price_error"
    again = one_end(nn)
    again.compile_from_config(config)
    assert again.trainer.compiled.loss is price_error
    model.compile("sgd", lambda y_true, y_pred: y_true - y_pred)
    with pytest.raises(ArgumentError, match="a function that its name leads to"):
        compile_config(model)
    config["loss"]["config"] = "shop>gone"
    with pytest.raises(UnknownNameError, match="a function of nnlib or a known one"):
        compile_from_config(again, config)


def old_training(**optimizer):
    metric = {
        "class_name": "MeanMetricWrapper",
        "config": {"name": "accuracy", "dtype": "float32", "fn": "binary_accuracy"},
    }
    loss = {
        "class_name": "BinaryCrossentropy",
        "config": {"reduction": "auto", "name": "b", "from_logits": True, "label_smoothing": 0},
    }
    return {
        "loss": loss,
        "metrics": [[metric]],
        "weighted_metrics": None,
        "loss_weights": None,
        "sample_weight_mode": None,
        "optimizer_config": {"class_name": "Adam", "config": {"name": "Adam", **optimizer}},
    }


def test_training_configs_of_keras_2():
    model = one_end(nn)
    usual = {"beta_1": 0.8, "beta_2": 0.99, "epsilon": 1e-7, "amsgrad": False}
    compile_from_config(model, old_training(learning_rate=0.01, decay=0.0, **usual))
    assert model.optimizer.get_config()["beta_1"] == 0.8
    assert float(model.optimizer.learning_rate) == pytest.approx(0.01)
    assert model.trainer.compiled.metrics[0].name == "accuracy"
    x, y = jnp.ones((4, 3)), jnp.ones((4, 1))
    assert losses_of(model, x, y).keys() == {"accuracy", "loss"}
    compile_from_config(model, old_training(lr=0.1, decay=0.5, is_legacy_optimizer=False))
    schedule = model.optimizer.get_config()["learning_rate"]
    assert schedule["class_name"] == "InverseTimeDecay"
    rates = [float(model.optimizer._learning_rate(step)) for step in (0, 2)]
    np.testing.assert_allclose(rates, [0.1, 0.05], 1e-6)
    sgd = {"class_name": "SGD", "config": {"lr": 0.25, "momentum": 0.0, "nesterov": False}}
    compile_from_config(model, {"loss": "mse", "metrics": ["accuracy"], "optimizer_config": sgd})
    assert float(model.optimizer.learning_rate) == 0.25


def test_scaled_losses_of_keras_2():
    inner = {"class_name": "SGD", "config": {"learning_rate": 0.5}}
    config = {"inner_optimizer": inner, "dynamic": True, "initial_scale": 8.0}
    model = one_end(nn)
    compile_from_config(
        model,
        {"loss": "mse", "optimizer_config": {"class_name": "LossScaleOptimizer", "config": config}},
    )
    assert model.optimizer.inner_optimizer.get_config()["learning_rate"] == 0.5


@pytest.mark.parametrize(
    "config",
    [
        7,
        {"optimizer": 7},
        {"optimizer": {"class_name": 7, "config": {}}, "loss": "mse"},
        {"optimizer": "adam", "loss": {"class_name": "Huber", "config": 5}},
        {"optimizer": "adam", "loss": "mse", "metrics": 5},
        {"optimizer": "adam", "loss": "mse", "steps_per_execution": "all"},
        {"optimizer": {"class_name": "Adam", "config": {"learning_rate": [1, "x"]}}},
        {"optimizer_config": None},
        {"optimizer": "adam", "loss": "no_such_loss"},
    ],
)
def test_what_no_compile_can_mean(config):
    with pytest.raises((CorruptFileError, ArgumentError, UnknownNameError)):
        compile_from_config(one_end(nn), config)


def test_a_compiled_model_from_its_config():
    model = one_end(nn)
    model.compile("adam", "mse")
    again = model_from_config(plain(model_config(model)))
    history = again.fit(np.ones((4, 3)), np.ones((4, 1)), epochs=2, verbose=0)
    assert len(history.history["loss"]) == 2
