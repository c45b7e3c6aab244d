"""Faults that were found by using the library, each in its smallest form."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import nnlib as nn
from nnlib import errors, layers

RNG = np.random.default_rng(0)
X = RNG.normal(size=(10, 4)).astype("float32")
Y = RNG.normal(size=(10, 1)).astype("float32")
ONES = np.ones((10, 1), "float32")


def small(**options):
    model = nn.Sequential([nn.Input((4,)), layers.Dense(1)])
    model.compile("sgd", "mse", **options)
    return model


class AddsLoss(nn.Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(4)

    def call(self, x):
        y = self.dense(x)
        self.add_loss(jnp.mean((x - y) ** 2))
        return y


def test_add_loss_never_sees_padding():
    def made():
        nn.utils.set_random_seed(0)
        model = AddsLoss()
        model(X[:2])
        model.compile("sgd")
        return model

    fitted, stepped = made(), made()
    fitted.fit(X, batch_size=8, shuffle=False, verbose=0)
    stepped.train_on_batch(X[:8])
    stepped.train_on_batch(X[8:])
    for a, b in zip(fitted.get_weights(), stepped.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_a_test_step_of_the_user_never_sees_padding():
    class Counts(nn.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(1)

        def call(self, x):
            return self.dense(x)

        def test_step(self, state, data):
            return state.metrics, {"rows": jnp.float32(data[0].shape[0])}

    model = Counts()
    model.compile("sgd", "mse")
    assert model.evaluate(X, Y, batch_size=8, verbose=0) == 2


def test_activity_regularizers_are_means_over_the_rows():
    layer = layers.Dense(1, activity_regularizer=nn.regularizers.L2(1.0), use_bias=False)
    model = nn.Sequential([nn.Input((4,)), layer])
    model.compile("sgd", "mse")
    out = model.predict(X)
    expected = np.mean((out - Y) ** 2) + np.mean(out**2)
    assert model.evaluate(X, Y, batch_size=10, verbose=0) == pytest.approx(expected, rel=1e-5)


def test_outputs_in_a_dict_are_named_by_its_keys():
    x = nn.Input((4,))
    outputs = {"b": layers.Dense(1, name="q")(x), "a": layers.Dense(2, name="p")(x)}
    model = nn.Model(x, outputs)
    model.compile("sgd", {"a": "mse", "b": "mae"})
    history = model.fit(X, {"a": X[:, :2], "b": Y}, verbose=0).history
    assert [*history] == ["loss", "a_loss", "b_loss"]


def test_nothing_to_train_by_is_refused():
    model = nn.Sequential([nn.Input((4,)), layers.Dense(1)])
    model.compile("sgd")
    with pytest.raises(errors.ArgumentError, match=r"expected a loss to train by.*loss="):
        model.fit(X, Y, verbose=0)


@pytest.mark.parametrize("options", [{"epochs": -1}, {"epochs": 2.5}, {"initial_epoch": "1"}])
def test_epochs_are_integers(options):
    with pytest.raises(errors.ArgumentError, match="to be an integer of at least 0"):
        small().fit(X, Y, verbose=0, **options)


@pytest.mark.parametrize("steps", [0, -1, 2.5, "auto"])
def test_steps_per_execution_is_a_positive_integer(steps):
    with pytest.raises(errors.ArgumentError, match="steps_per_execution to be an integer"):
        small(steps_per_execution=steps)


def test_data_frames_of_numbers_and_flags():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": X[:, 0], "b": X[:, 1] > 0, "c": range(10), "d": X[:, 3]})
    small().fit(frame, pandas.Series(Y[:, 0]), verbose=0)


def test_a_gan_trains_its_discriminator_as_it_was_compiled_and_without_warnings():
    def loss_of_second_step(frozen_first):
        nn.utils.set_random_seed(0)
        judge = nn.Sequential(
            [nn.Input((4,)), layers.Dense(3, kernel_regularizer="l2"), layers.BatchNormalization()]
        )
        judge.compile("sgd", "mse")
        judge.trainable = not frozen_first
        judge.train_on_batch(X, X[:, :3])
        judge.trainable = False
        judge.reset_metrics()
        return judge.train_on_batch(X, X[:, :3])

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert loss_of_second_step(True) == loss_of_second_step(False)


@pytest.mark.parametrize("method", ["compile", "fit"])
def test_no_compile_and_no_fit_within_a_fit(method):
    class Again(nn.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            getattr(self.model, method)(*{"compile": ["sgd"], "fit": [X, Y]}[method])

    model = small()
    with pytest.raises(errors.ArgumentError, match=rf"expected {method}\(\) outside of"):
        model.fit(X, Y, verbose=0, callbacks=[Again()])
    model.fit(X, Y, verbose=0)


def test_a_callback_may_train_another_model_with_the_same_layers():
    x, shared = nn.Input((4,)), layers.Dense(1)
    first, second = nn.Model(x, shared(x)), nn.Model(x, layers.ReLU()(shared(x)))
    first.compile("sgd", "mse")
    second.compile("sgd", "mse")

    class TrainSecond(nn.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            second.train_on_batch(X, ONES)

    first.fit(X, Y, batch_size=4, epochs=3, verbose=0, callbacks=[TrainSecond()])
    assert (first.optimizer.iterations, second.optimizer.iterations) == (9, 9)


@pytest.mark.parametrize("callback", [nn.callbacks.History, object()])
def test_only_callback_objects_are_callbacks(callback):
    with pytest.raises(errors.ArgumentError, match="expected Callback objects"):
        small().fit(X, Y, verbose=0, callbacks=[callback])


def test_predictions_without_rows_are_refused():
    model = nn.Sequential([nn.Input((4,)), layers.Lambda(jnp.mean)])
    with pytest.raises(errors.ShapeError, match=r"got a scalar\. Call the model itself"):
        model.predict(X)


def test_metrics_and_weighted_metrics_of_one_name():
    model = small(metrics=["mae"], weighted_metrics=["mae"])
    logs = model.evaluate(X, Y, verbose=0, return_dict=True, sample_weight=np.arange(10.0))
    assert [*logs] == ["loss", "mae", "weighted_mae"]
    assert jax.tree.all({name: np.isfinite(value) for name, value in logs.items()})


@pytest.mark.parametrize("where", ["lambda", "subclass", "loss"])
def test_code_of_users_never_sees_padding(where):
    """A look across the batch gives what a loop over the batches, one short, gives."""

    class Centered(nn.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(2)

        def call(self, x):
            return self.dense(x - jnp.mean(x, 0, keepdims=True))

    def contrast(y, p):
        return jnp.mean((p - jnp.mean(p, 0, keepdims=True) - y) ** 2, -1)

    def make():
        if where == "subclass":
            model = Centered()
            model.build((None, 4))
        else:
            first = layers.Lambda(lambda x: x - x.mean(0, keepdims=True) * (where == "lambda"))
            model = nn.Sequential([nn.Input((4,)), first, layers.Dense(2)])
        model.compile(nn.optimizers.SGD(0.1), contrast if where == "loss" else "mse")
        return model

    x = np.random.default_rng(0).normal(size=(10, 4)).astype("float32")
    y = np.random.default_rng(1).normal(size=(10, 2)).astype("float32")
    whole, parts = make(), make()
    parts.set_weights(whole.get_weights())
    whole.fit(x, y, batch_size=8, shuffle=False, verbose=0)
    for rows in (slice(0, 8), slice(8, 10)):
        parts.train_on_batch(x[rows], y[rows])
    for a, b in zip(whole.get_weights(), parts.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_two_models_may_share_an_optimizer():
    optimizer = nn.optimizers.Adam(0.01)
    models = [nn.Sequential([nn.Input((4,)), layers.Dense(n)]) for n in (1, 3)]
    for model in models:
        model.compile(optimizer, "mse")
    x = np.ones((8, 4), "float32")
    for _ in range(2):
        for model in models:
            model.train_on_batch(x, np.zeros((8, model.output_shape[-1])))
    assert [int(model.get_train_state().opt["step"]) for model in models] == [2, 2]
    optimizer.learning_rate = 0.0
    for model in models:
        before = model.get_weights()
        model.train_on_batch(x, np.zeros((8, model.output_shape[-1])))
        np.testing.assert_array_equal(before[0], model.get_weights()[0])


def test_data_is_one_argument():
    class Two(nn.Model):
        def call(self, a, b):
            return a + b

    model = Two()
    model.compile("sgd", "mse")
    with pytest.raises(errors.ArgumentError, match=r"Take a list and unpack it: a, b = inputs"):
        model.fit([np.ones((4, 1))] * 2, np.ones((4, 1)), verbose=0)


def test_complex_data_is_refused():
    model = nn.Sequential([nn.Input((1,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(errors.DTypeError, match="real numbers, got dtype complex64"):
        model.fit(np.ones((4, 1), "complex64"), np.ones((4, 1)), verbose=0)
