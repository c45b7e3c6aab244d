"""The state of each optimizer goes from Keras to nnlib and back; training goes on to the bit."""

import warnings

import h5py
import jax
import numpy as np
import optax
import pytest

import nnlib as nn
from nnlib import layers, optimizers

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(8, 3)).astype("float32"), RNG.normal(size=(8, 2)).astype("float32")

OPTIMIZERS = {
    "SGD": {},
    "SGD-momentum": {"momentum": 0.9},
    "RMSprop": {},
    "RMSprop-all": {"momentum": 0.9, "centered": True},
    "Adam": {},
    "Adam-all": {"amsgrad": True, "use_ema": True, "gradient_accumulation_steps": 2},
    "AdamW": {},
    "Adadelta": {},
    "Adagrad": {},
    "Adamax": {},
    "Adafactor": {},
    "Adafactor-ema": {"use_ema": True},
    "Nadam": {},
    "Ftrl": {},
    "Lion": {},
    "Lamb": {},
    "Muon": {},
}


def make(library, optimizer, **options):
    model = library.Sequential([library.Input((3,)), library.layers.Dense(2)])
    model.compile(optimizer, "mean_squared_error", **options)
    return model


def of(library, name):
    return getattr(library.optimizers, name.split("-")[0])(**OPTIMIZERS[name])


def arrays(path):
    with h5py.File(path) as file:
        group = file["optimizer/vars"]
        return [np.asarray(group[str(number)]) for number in range(len(group))]


def randomise(variables):
    for number, variable in enumerate(variables):
        if np.issubdtype(np.dtype(str(variable.dtype)), np.integer):
            variable.assign(number + 4)
        else:
            variable.assign(np.random.default_rng(number).uniform(0.1, 1.0, variable.shape))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_array_both_ways(keras, tmp_path, name):
    theirs, ours = make(keras, of(keras, name)), make(nn, of(nn, name))
    theirs.optimizer.build(theirs.trainable_variables)
    randomise(theirs.optimizer.variables)
    theirs.save_weights(tmp_path / "theirs.weights.h5")
    ours.load_weights(tmp_path / "theirs.weights.h5")
    ours.save_weights(tmp_path / "ours.weights.h5")
    want, got = (arrays(tmp_path / f"{who}.weights.h5") for who in ("theirs", "ours"))
    unused = {"Adafactor": (4, 5, 6), "Adafactor-ema": (6, 7, 8)}.get(name, ())
    for number, (a, b) in enumerate(zip(got, want, strict=True)):
        assert a.dtype == b.dtype
        assert a.shape == b.shape
        if number not in unused:  # Keras never reads these
            np.testing.assert_array_equal(a, b)
    assert ours.optimizer.iterations == 4 // (2 if name == "Adam-all" else 1)
    theirs.load_weights(tmp_path / "ours.weights.h5")  # warns, and fails, if it does not fit


def test_loss_scale_and_schedules(keras, tmp_path):
    def scaled(library):
        rate = library.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)
        inner = library.optimizers.Adam(rate)
        return make(library, library.optimizers.LossScaleOptimizer(inner))

    theirs, ours = scaled(keras), scaled(nn)
    theirs.optimizer.build(theirs.trainable_variables)
    randomise(theirs.optimizer.variables)
    theirs.save_weights(tmp_path / "theirs.weights.h5")
    ours.load_weights(tmp_path / "theirs.weights.h5")
    ours.save_weights(tmp_path / "ours.weights.h5")
    want, got = (arrays(tmp_path / f"{who}.weights.h5") for who in ("theirs", "ours"))
    for number, (a, b) in enumerate(zip(got, want, strict=True)):
        if number > 1:  # number and rate of the outer one mean nothing
            np.testing.assert_array_equal(a, b)
    theirs.load_weights(tmp_path / "ours.weights.h5")


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda: "adam",
        lambda: optimizers.SGD(0.1, momentum=0.9),
        lambda: optimizers.Nadam(0.01),
        lambda: optimizers.Adam(optimizers.schedules.CosineDecay(0.1, 20)),
        lambda: optimizers.LossScaleOptimizer(optimizers.SGD(0.1), dynamic_growth_steps=2),
    ],
)
@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_training_goes_on_to_the_bit(tmp_path, optimizer, suffix):
    def model_with_noise():
        stack = [layers.Dense(4), layers.Dropout(0.5), layers.BatchNormalization()]
        model = nn.Sequential([nn.Input((3,)), *stack, layers.Dense(2)])
        model.compile(optimizer(), "mse")
        return model

    model = model_with_noise()
    model.fit(X, Y, batch_size=3, epochs=2, verbose=0)
    model.save(tmp_path / f"a{suffix}")
    again = nn.models.load_model(tmp_path / f"a{suffix}")
    for each in (model, again):
        each.fit(X, Y, batch_size=3, epochs=4, initial_epoch=2, verbose=0)
    for a, b in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert again.optimizer.iterations == model.optimizer.iterations


def test_other_optimizers_are_kept_whole(tmp_path):
    """One that Keras has no list for: its state lies in a group of its own."""
    from nnlib.saving import training_state
    from nnlib.saving.h5_files import created, opened

    model, other = (make(nn, optax.adam(0.1)) for _ in range(2))
    model.fit(X, Y, epochs=2, verbose=0)
    with created(tmp_path / "a.h5", checksums=True) as file:
        training_state.save_own(model, file)
    with opened(tmp_path / "a.h5", "a.h5") as file:
        training_state.load_own(other, file, "a.h5")
    states = [jax.tree.leaves(each.get_train_state().opt) for each in (model, other)]
    for a, b in zip(*states, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_state_of_another_optimizer_is_left_out(tmp_path):
    model, other = make(nn, "adam"), make(nn, "sgd")
    model.fit(X, Y, verbose=0)
    model.save_weights(tmp_path / "a.weights.h5")
    with pytest.warns(UserWarning, match=r"expected the state of <SGD.*begins anew"):
        other.load_weights(tmp_path / "a.weights.h5")
    np.testing.assert_array_equal(other.get_weights()[0], model.get_weights()[0])


def test_weights_without_a_state_are_loaded_in_silence(tmp_path):
    nn.Sequential([nn.Input((3,)), layers.Dense(2)]).save_weights(tmp_path / "a.weights.h5")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make(nn, "adam").load_weights(tmp_path / "a.weights.h5")


def test_loading_within_fit_counts(tmp_path):
    """A callback that loads weights: they are those that the next step begins with."""
    model = make(nn, optimizers.SGD(0.0, momentum=0.9))
    model.save_weights(tmp_path / "a.weights.h5")
    want = model.get_weights()
    model.set_weights([w + 1 for w in want])

    class Load(nn.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.load_weights(tmp_path / "a.weights.h5")

    model.fit(X, Y, epochs=2, verbose=0, callbacks=[Load()])
    for a, b in zip(model.get_weights(), want, strict=True):
        np.testing.assert_array_equal(a, b)
