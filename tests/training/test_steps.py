"""Single steps, steps of one's own, and optimizers while they work."""

import jax
import numpy as np
import optax
import pytest

import nnlib as nn
from nnlib import errors, layers

RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 4)).astype("float32")
Y = RNG.integers(0, 3, 50)


def classifier(**options):
    model = nn.Sequential(
        [nn.Input((4,)), layers.Dense(8, activation="relu"), layers.Dense(3, activation="softmax")]
    )
    options = {"optimizer": "adam", "loss": "sparse_categorical_crossentropy"} | options
    model.compile(**options)
    return model


def assert_same_weights(a, b, **tolerance):
    for first, second in zip(a.get_weights(), b.get_weights(), strict=True):
        if tolerance:
            np.testing.assert_allclose(first, second, **tolerance)
        else:
            np.testing.assert_array_equal(first, second)


def test_a_custom_train_step():
    class Doubled(nn.Sequential):
        def train_step(self, state, data):
            assert len(data) == 2
            for _ in range(2):
                state, logs = super().train_step(state, data)
            return state, {"loss": logs["loss"], "steps": state.step}

    model = Doubled([nn.Input((4,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    history = model.fit(X, X[:, :1], batch_size=25, verbose=0)
    assert history.history["steps"] == [4.0]


def test_the_pure_step_alone():
    model = classifier(optimizer=nn.optimizers.SGD(0.1))
    other = classifier(optimizer=nn.optimizers.SGD(0.1))
    other.set_weights(model.get_weights())
    state = model.get_train_state()
    step = jax.jit(model.train_step, donate_argnums=0)
    for start in (0, 25):
        state, _ = step(state, (X[start : start + 25], Y[start : start + 25]))
    model.set_train_state(state)
    other.fit(X, Y, batch_size=25, shuffle=False, verbose=0)
    assert_same_weights(model, other, atol=1e-7)


def test_a_step_that_changes_the_structure_is_refused():
    class Wrong(nn.Sequential):
        def train_step(self, state, data):
            return state._replace(trainable={}), {}

    model = Wrong([nn.Input((4,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(errors.ShapeError, match=r"train_step: .*_replace"):
        model.fit(X, X[:, :1], verbose=0)


def test_train_on_batch_runs_on_and_keeps_weights_readable():
    model = classifier(metrics=["accuracy"])
    before = model.layers[0].kernel
    first = model.train_on_batch(X, Y)
    second = model.train_on_batch(X, Y, return_dict=True)
    assert len(first) == 2
    assert set(second) == {"loss", "accuracy"}
    assert not np.array_equal(before, model.layers[0].kernel)  # and neither array is deleted
    assert model.test_on_batch(X, Y, return_dict=True)["loss"] < first[0]
    assert model.predict_on_batch(X).shape == (50, 3)


def test_models_that_share_layers_may_be_trained_in_turn():
    shared = layers.Dense(3)
    x = nn.Input((4,))
    one, two = nn.Model(x, shared(x)), nn.Model(x, layers.Dense(1)(shared(x)))
    one.compile("sgd", "mse")
    two.compile("sgd", "mse")
    for _ in range(2):
        before = np.asarray(shared.kernel)
        one.train_on_batch(X, X[:, :3])
        middle = np.asarray(shared.kernel)
        two.train_on_batch(X, X[:, :1])
        assert not np.array_equal(before, middle)
        assert not np.array_equal(middle, shared.kernel)
    np.testing.assert_array_equal(one.get_weights()[0], two.get_layer(shared.name).kernel)


def test_run_eagerly_gives_the_same_numbers():
    def weights(eager):
        nn.utils.set_random_seed(0)
        model = classifier(run_eagerly=eager)
        model.fit(X, Y, epochs=2, batch_size=20, verbose=0)
        return model

    assert_same_weights(weights(True), weights(False), atol=1e-6)


def test_the_learning_rate_may_change_at_any_time():
    class Halve(nn.callbacks.Callback):
        def __init__(self):
            self.rates = []

        def on_epoch_end(self, epoch, logs=None):
            self.rates.append(float(self.model.optimizer.learning_rate))
            self.model.optimizer.learning_rate = self.rates[-1] / 2

    model = classifier(optimizer=nn.optimizers.SGD(0.4))
    halve = Halve()
    model.fit(X, Y, epochs=3, verbose=0, callbacks=halve)
    np.testing.assert_allclose(halve.rates, [0.4, 0.2, 0.1], rtol=1e-6)
    before = model.get_weights()
    model.optimizer.learning_rate = 0.0
    model.fit(X, Y, verbose=0)
    np.testing.assert_array_equal(before[0], model.get_weights()[0])


def test_optax_transformations_are_optimizers():
    model = classifier(optimizer=optax.adam(1e-2))
    history = model.fit(X, Y, epochs=5, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]


def test_a_learning_rate_schedule_needs_no_second_compile():
    schedule = nn.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5)
    model = classifier(optimizer=nn.optimizers.SGD(schedule))
    model.fit(X, Y, epochs=2, batch_size=25, verbose=0)
    np.testing.assert_allclose(model.optimizer.learning_rate, 0.1 * 0.5**2, rtol=1e-5)
