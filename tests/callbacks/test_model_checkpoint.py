"""ModelCheckpoint: what is saved, when, and under which name."""

import numpy as np
import pytest

import nnlib as nn
from nnlib import errors, layers
from nnlib.callbacks import ModelCheckpoint
from nnlib.saving import Checkpoint

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 4)).astype("float32")
Y = RNG.integers(0, 3, 40)


def make():
    model = nn.Sequential([nn.Input((4,)), layers.Dense(3, activation="softmax")])
    model.compile(nn.optimizers.SGD(0.5), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def test_names_with_epochs_and_logs(tmp_path):
    callback = ModelCheckpoint(tmp_path / "{epoch:02d}-{loss:.2f}")
    history = make().fit(X, Y, epochs=2, verbose=0, callbacks=[callback]).history
    expected = sorted(f"{e:02d}-{loss:.2f}" for e, loss in enumerate(history["loss"], 1))
    assert sorted(p.name for p in tmp_path.iterdir()) == expected


def test_only_the_best_stays(tmp_path):
    model = make()
    callback = ModelCheckpoint(tmp_path / "best", monitor="val_accuracy", save_best_only=True)
    weights = []

    class Keep(nn.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            weights.append((logs["val_accuracy"], self.model.get_weights()))

    model.fit(
        X, Y, epochs=6, verbose=0, callbacks=[callback, Keep()], validation_data=(X[:9], Y[:9])
    )
    best = max(range(6), key=lambda epoch: (weights[epoch][0], -epoch))
    other = make()
    Checkpoint(model=other).restore(tmp_path / "best")
    for a, b in zip(other.get_weights(), weights[best][1], strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_number_of_batches(tmp_path):
    callback = ModelCheckpoint(tmp_path / "{epoch}-{loss:.3f}", save_freq=2)
    make().fit(X, Y, batch_size=8, epochs=2, verbose=0, callbacks=callback)
    assert len(list(tmp_path.iterdir())) == 4  # after batches 2 and 4 of 5, twice


def test_weights_only_has_no_optimizer(tmp_path):
    callback = ModelCheckpoint(tmp_path / "w", save_weights_only=True)
    model = make()
    model.fit(X, Y, verbose=0, callbacks=[callback])
    other = make()
    Checkpoint(model=other).restore(tmp_path / "w").assert_consumed()
    np.testing.assert_array_equal(other.predict(X), model.predict(X))
    assert other.optimizer.iterations == 0


@pytest.mark.parametrize("name", ["{epoch}.keras", "{epoch}.h5"])
def test_files_of_whole_models_go_on_with_training(tmp_path, name):
    model = make()
    model.fit(X, Y, epochs=2, verbose=0, callbacks=[ModelCheckpoint(tmp_path / name)])
    again = nn.models.load_model(tmp_path / name.format(epoch=1))
    again.fit(X, Y, epochs=2, initial_epoch=1, verbose=0)
    for a, b in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", ["a.weights.h5", "a.h5", "a.safetensors"])
def test_files_of_weights_alone(tmp_path, name):
    model = make()
    callback = ModelCheckpoint(tmp_path / name, save_weights_only=True)
    model.fit(X, Y, verbose=0, callbacks=[callback])
    other = make()
    other.load_weights(tmp_path / name)
    np.testing.assert_array_equal(other.predict(X), model.predict(X))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"filepath": "a.keras", "save_weights_only": True}, r"ends in \.weights\.h5"),
        ({"filepath": "a.weights.h5"}, "save_weights_only=True"),
        ({"filepath": "a", "mode": "best"}, "'auto', 'min' or 'max'"),
        ({"filepath": "a", "save_freq": 0}, "save_freq"),
    ],
)
def test_bad_arguments(options, text):
    with pytest.raises(errors.ArgumentError, match=text):
        ModelCheckpoint(**options)


def test_a_log_that_is_not_there(tmp_path):
    callback = ModelCheckpoint(tmp_path / "a", save_best_only=True)
    with pytest.raises(errors.ArgumentError, match=r"'val_loss', got only loss, accuracy"):
        make().fit(X, Y, verbose=0, callbacks=[callback])
    callback = ModelCheckpoint(tmp_path / "{nope}")
    with pytest.raises(errors.ArgumentError, match="'nope'"):
        make().fit(X, Y, verbose=0, callbacks=[callback])
