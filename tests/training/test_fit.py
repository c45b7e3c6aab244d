"""fit, evaluate, predict: against plain loops, and against what they promise."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import nnlib as nn
from nnlib import layers

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


def convolutional():
    model = nn.Sequential(
        [
            nn.Input((6, 6, 1)),
            layers.Conv2D(4, 3),
            layers.BatchNormalization(),
            layers.Flatten(),
            layers.Dropout(0.2),
            layers.Dense(3),
        ]
    )
    loss = nn.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, metrics=["accuracy"])
    return model


IMAGES = RNG.normal(size=(50, 6, 6, 1)).astype("float32")


def assert_same_weights(a, b, **tolerance):
    for first, second in zip(a.get_weights(), b.get_weights(), strict=True):
        if tolerance:
            np.testing.assert_allclose(first, second, **tolerance)
        else:
            np.testing.assert_array_equal(first, second)


def test_fit_equals_a_hand_written_loop():
    model = classifier(optimizer=nn.optimizers.SGD(0.1))
    params, _ = jax.tree.map(jnp.copy, model.variables)

    def loss(params, x, y):
        h = jax.nn.relu(x @ params["dense"]["kernel"] + params["dense"]["bias"][None])
        logits = h @ params["dense_1"]["kernel"] + params["dense_1"]["bias"][None]
        return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()

    model.fit(X, Y, epochs=3, batch_size=20, shuffle=False, verbose=0)
    for _ in range(3):
        for start in (0, 20, 40):
            rows = slice(start, start + 20)
            grads = jax.grad(loss)(params, X[rows], Y[rows])
            params = jax.tree.map(lambda p, g: p - 0.1 * g, params, grads)
    got = jax.tree.leaves(model.variables[0])
    for a, b in zip(got, jax.tree.leaves(params), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


@pytest.mark.parametrize("make", [classifier, convolutional])
def test_results_do_not_depend_on_the_grouping_of_steps(make):
    x = X if make is classifier else IMAGES
    models = []
    for steps in (1, 3, None):
        nn.utils.set_random_seed(1)
        model = make()
        compiled = vars(model.trainer.compiled) | {"steps_per_execution": steps}
        model.trainer.compile(nn.training.Compiled(**compiled))
        model.fit(x, Y, epochs=2, batch_size=8, verbose=0)
        models.append(model)
    assert_same_weights(models[0], models[1])
    assert_same_weights(models[0], models[2])


def test_a_short_last_batch_is_exact_and_compiles_once():
    traces = []

    class Watched(layers.Dense):
        mixes_rows = False

        def call(self, x):
            traces.append(x.shape)
            return super().call(x)

    def make():
        model = nn.Sequential([nn.Input((4,)), Watched(3), layers.BatchNormalization()])
        model.compile(nn.optimizers.SGD(0.1), "mse", metrics=["mae"])
        return model

    targets = RNG.normal(size=(50, 3)).astype("float32")
    model = make()
    reference = make()
    reference.set_weights(model.get_weights())
    traces.clear()
    history = model.fit(X, targets, epochs=2, batch_size=16, shuffle=False, verbose=0)
    assert traces.count((16, 4)) <= 2  # one to see the output's shape, one for the step
    assert (2, 4) not in traces
    for _ in range(2):
        sums = dict.fromkeys(("loss", "mae"), 0.0)
        for start in range(0, 50, 16):
            rows = slice(start, start + 16)
            logs = reference.train_on_batch(X[rows], targets[rows], return_dict=True)
            for name in sums:
                sums[name] += logs[name] * len(X[rows]) / 50
    for name, value in sums.items():
        np.testing.assert_allclose(history.history[name][-1], value, rtol=1e-5)
    assert_same_weights(model, reference, atol=1e-6)


def test_one_trace_for_a_whole_fit():
    traces = []

    class Watched(layers.Dense):
        def call(self, x):
            traces.append(1)
            return super().call(x)

    model = nn.Sequential([nn.Input((4,)), Watched(3, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    traces.clear()
    model.fit(X, Y, epochs=5, batch_size=10, verbose=0)
    first = len(traces)
    assert first <= 2
    model.fit(X, Y, epochs=5, batch_size=10, verbose=0)
    assert len(traces) == first


def test_a_layer_that_mixes_rows_never_sees_padding():
    class Center(layers.Layer):
        def call(self, x):
            return x - jnp.mean(x, axis=0, keepdims=True)

    model = nn.Sequential([nn.Input((4,)), Center(), layers.Dense(1)])
    model.compile("sgd", "mse")
    loss = model.evaluate(X, X[:, :1], batch_size=32, verbose=0)
    parts = [
        model.evaluate(X[rows], X[rows, :1], batch_size=32, verbose=0) * len(X[rows])
        for rows in (slice(0, 32), slice(32, 50))
    ]
    np.testing.assert_allclose(loss, sum(parts) / 50, rtol=1e-5)


def test_a_loss_that_reduces_by_itself_never_sees_padding():
    model = classifier(loss=lambda y, p: jnp.mean(p) * 0 + jnp.float32(p.shape[0]))
    history = model.fit(X, Y, batch_size=16, verbose=0)
    expected = (3 * 16 * 16 + 2 * 2) / 50
    np.testing.assert_allclose(history.history["loss"], [expected], rtol=1e-6)


def test_training_learns():
    model = classifier(optimizer=nn.optimizers.Adam(0.02), metrics=["accuracy"])
    labels = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)
    history = model.fit(X, labels, epochs=60, batch_size=10, verbose=0).history
    assert history["loss"][-1] < 0.2 * history["loss"][0]
    assert history["accuracy"][-1] > 0.95
    np.testing.assert_allclose(
        model.evaluate(X, labels, verbose=0)[1],
        (model.predict(X).argmax(-1) == labels).mean(),
        rtol=1e-6,
    )


def test_history_validation_and_initial_epoch():
    model = classifier(metrics=["accuracy"])
    history = model.fit(
        X, Y, epochs=4, initial_epoch=2, verbose=0, validation_data=(X[:10], Y[:10])
    )
    assert history.epoch == [2, 3]
    assert list(history.history) == ["loss", "accuracy", "val_loss", "val_accuracy"]
    assert model.history is history
    last = model.evaluate(X[:10], Y[:10], verbose=0, return_dict=True)
    np.testing.assert_allclose(history.history["val_loss"][-1], last["loss"], rtol=1e-6)


def test_validation_split_takes_the_last_rows():
    model = classifier()
    history = model.fit(X, Y, validation_split=0.2, verbose=0, epochs=1)
    np.testing.assert_allclose(
        history.history["val_loss"][0], model.evaluate(X[40:], Y[40:], verbose=0), rtol=1e-6
    )


def test_shuffling_changes_the_order_of_every_epoch_and_repeats_with_the_seed():
    def weights(**options):
        nn.utils.set_random_seed(3)
        model = classifier(optimizer="sgd")
        model.fit(X, Y, batch_size=5, verbose=0, **options)
        return model

    assert_same_weights(weights(epochs=2), weights(epochs=2))
    plain, shuffled = weights(shuffle=False), weights(shuffle=True)
    assert not np.allclose(plain.get_weights()[0], shuffled.get_weights()[0], atol=1e-7)


def test_fit_twice_equals_fit_once():
    def model_after(*epochs):
        nn.utils.set_random_seed(3)
        model = convolutional()
        for count in epochs:
            model.fit(IMAGES, Y, epochs=count, batch_size=16, verbose=0)
        return model

    assert_same_weights(model_after(1, 1), model_after(2))


def test_frozen_layers_get_no_gradient_and_no_slots():
    model = classifier()
    model.layers[0].trainable = False
    model.compile("adam", "sparse_categorical_crossentropy")
    before = model.get_weights()
    model.fit(X, Y, verbose=0)
    after = model.get_weights()
    np.testing.assert_array_equal(before[0], after[0])
    assert not np.array_equal(before[2], after[2])
    state = model.get_train_state()
    assert list(state.trainable) == ["dense_1"]
    assert list(state.frozen) == ["dense"]


def test_trainable_changed_after_compile_warns():
    model = classifier()
    model.layers[0].trainable = False
    with pytest.warns(UserWarning, match=r"dense.*Call compile\(\) again"):
        model.fit(X, Y, verbose=0)


def test_everything_frozen_still_fits():
    model = classifier()
    model.trainable = False
    model.compile("adam", "sparse_categorical_crossentropy")
    before = model.get_weights()
    model.fit(X, Y, verbose=0)
    np.testing.assert_array_equal(before[0], model.get_weights()[0])


def test_sample_and_class_weights_weigh():
    model = classifier(optimizer="sgd")
    weights = np.where(Y == 1, 3.0, 1.0)
    a = model.evaluate(X, Y, sample_weight=weights, verbose=0)
    values = nn.losses.sparse_categorical_crossentropy(jnp.asarray(Y), model(X))
    np.testing.assert_allclose(a, np.mean(weights * values), rtol=1e-5)
    other = classifier(optimizer="sgd")
    other.set_weights(model.get_weights())
    model.fit(X, Y, class_weight={1: 3.0}, shuffle=False, verbose=0)
    other.fit(X, Y, sample_weight=weights, shuffle=False, verbose=0)
    assert_same_weights(model, other)


def test_several_inputs_and_outputs_by_list_dict_and_number():
    a, b = nn.Input((4,), name="a"), nn.Input((2,), name="b")
    x = layers.concatenate([layers.Dense(3)(a), layers.Dense(3)(b)])
    outputs = [layers.Dense(1, name="left")(x), layers.Dense(3, activation="softmax")(x)]
    model = nn.Model([a, b], outputs)
    right = model.output_names[1]
    model.compile(
        "sgd",
        loss={"left": "mse", "output_2": "sparse_categorical_crossentropy"},
        loss_weights={"left": 2.0},
        metrics={"output_2": "accuracy"},
    )
    data = {"a": X, "b": X[:, :2]}
    targets = [X[:, :1], Y]
    history = model.fit(data, targets, epochs=1, verbose=0, shuffle=False).history
    assert list(history) == ["loss", "left_loss", f"{right}_loss", f"{right}_accuracy"]
    as_list = model.evaluate([X, X[:, :2]], targets, verbose=0)
    as_dict = model.evaluate(data, {"left": X[:, :1], right: Y}, verbose=0)
    np.testing.assert_allclose(as_list, as_dict, rtol=1e-6)
    np.testing.assert_allclose(as_list[0], 2 * as_list[1] + as_list[2], rtol=1e-5)
    predictions = model.predict(data)
    assert [p.shape for p in predictions] == [(50, 1), (50, 3)]


def test_constraints_hold_after_every_step():
    model = nn.Sequential([nn.Input((4,)), layers.Dense(3, kernel_constraint="non_neg")])
    model.compile(nn.optimizers.SGD(0.5), "mse")
    model.fit(X, RNG.normal(size=(50, 3)), epochs=2, verbose=0)
    assert np.asarray(model.layers[0].kernel).min() >= 0


def test_regularizers_are_part_of_the_loss():
    model = nn.Sequential(
        [nn.Input((4,)), layers.Dense(1, kernel_regularizer=nn.regularizers.L2(1))]
    )
    model.compile("sgd", "mse")
    plain = np.mean((model.predict(X) - X[:, :1]) ** 2)
    penalty = np.sum(np.square(model.layers[0].kernel))
    np.testing.assert_allclose(model.evaluate(X, X[:, :1], verbose=0), plain + penalty, rtol=1e-5)


def test_streaming_data_that_does_not_fit_the_device(monkeypatch):
    def weights():
        nn.utils.set_random_seed(0)
        model = classifier(metrics=["accuracy"])
        history = model.fit(X, Y, epochs=2, batch_size=8, verbose=0, validation_data=(X, Y))
        return model, history.history, model.predict(X, batch_size=7)

    resident = weights()
    monkeypatch.setattr("nnlib.training.source.RESIDENT_BYTES", 0)
    monkeypatch.setattr("nnlib.training.source.PIECE_BYTES", 3 * 8 * 20)
    streamed = weights()
    assert_same_weights(resident[0], streamed[0], atol=1e-6)
    np.testing.assert_allclose(resident[1]["val_loss"], streamed[1]["val_loss"], rtol=1e-5)
    np.testing.assert_allclose(resident[2], streamed[2], atol=1e-6)


def test_predict_needs_no_compile_and_any_number_of_rows():
    model = nn.Sequential([layers.Dense(2)])
    for rows in (1, 31, 33, 64):
        x = RNG.normal(size=(rows, 3)).astype("float32")
        np.testing.assert_allclose(model.predict(x), model(x), atol=1e-6)


def test_fit_emits_no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        convolutional().fit(IMAGES, Y, verbose=0)
