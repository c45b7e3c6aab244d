"""Ways to write things that Keras takes, found by running Keras' own tests against nnlib."""

import jax.numpy as jnp
import numpy as np
import pytest

import nnlib as nn
from nnlib import layers, losses, metrics
from nnlib.core.errors import ArgumentError, NonFiniteLossError, NotBuiltError, ShapeError

X = np.linspace(-1, 1, 12, dtype="float32").reshape(4, 3)


@pytest.mark.parametrize(
    ("units", "targets", "kind"),
    [
        (1, [0, 1, 1, 0], losses.BinaryCrossentropy),
        (3, [0, 1, 2, 0], losses.SparseCategoricalCrossentropy),
        (3, np.eye(3)[[0, 1, 2, 0]], losses.CategoricalCrossentropy),
    ],
)
@pytest.mark.parametrize("name", ["crossentropy", "CE"])
def test_crossentropy_means_the_form_that_fits_the_shapes(units, targets, kind, name):
    activation = "softmax" if units > 1 else "sigmoid"
    model = nn.Sequential([nn.Input((3,)), layers.Dense(units, activation=activation)])
    model.compile("sgd", name)
    targets = np.asarray(targets, "float32")
    loss = model.evaluate(X, targets, verbose=0)
    np.testing.assert_allclose(loss, kind()(targets, model.predict(X, verbose=0)), rtol=1e-5)


def test_a_list_of_one_loss_is_that_loss():
    begin = nn.Input((3,))
    ends = {"a": layers.Dense(1)(begin), "b": layers.Dense(1)(begin)}
    model, y = nn.Model(begin, ends), {"a": X[:, :1], "b": X[:, 1:2]}
    found = []
    for written in ({"a": "mse", "b": ["mae"]}, ["mse", ["mae"]], {"a": "mse", "b": "mae"}):
        model.compile("sgd", written)
        found.append(model.evaluate(X, y, verbose=0))
    np.testing.assert_allclose(found, [found[-1]] * 3)


def _nested_model():
    first, second = nn.Input((1,), name="first"), nn.Input((2,), name="second")
    out = layers.Concatenate()([second, first])
    return nn.Model({"x": first, "others": {"y": second}}, out)


def test_inputs_may_be_nested_dicts():
    data = {"x": np.ones((2, 1)), "others": {"y": np.zeros((2, 2))}}
    model = _nested_model()
    expected = [[0, 0, 1]] * 2
    np.testing.assert_array_equal(model(data), expected)
    np.testing.assert_array_equal(model.predict(data, verbose=0), expected)


def test_a_list_for_inputs_by_name_is_refused_as_its_order_says_nothing():
    a, b = nn.Input((1,)), nn.Input((1,))
    model = nn.Model({"left": b, "a_right": a}, layers.Subtract()([b, a]))
    data = {"left": np.ones((1, 1)), "a_right": np.zeros((1, 1))}
    assert float(model(data)[0, 0]) == 1
    with pytest.raises(ShapeError, match=r"a dict with the inputs left, a_right, got a list of 2"):
        model([data["left"], data["a_right"]])


def test_sequential_from_config_takes_custom_objects():
    class Twice(layers.Layer):
        def call(self, x):
            return 2 * x

    config = nn.Sequential([nn.Input((1,)), Twice()]).get_config()
    model = nn.Sequential.from_config(config, custom_objects={"Twice": Twice})
    assert float(model(np.ones((1, 1)))[0, 0]) == 2


def test_the_meaning_that_a_user_gives_a_name_wins():
    class Mine(layers.ReLU):
        def call(self, x):
            return 3 * x

    config = nn.Sequential([nn.Input((1,)), layers.ReLU()]).get_config()
    model = nn.Sequential.from_config(config, custom_objects={"ReLU": Mine})
    assert float(model(np.ones((1, 1)))[0, 0]) == 3
    assert type(nn.Sequential.from_config(config).layers[0]) is layers.ReLU


def test_accuracies_as_functions_say_right_or_wrong_for_each_element():
    y_true, y_pred = [[1.0, 0.0], [1.0, 1.0]], [[0.9, 0.8], [0.2, 1.0]]
    assert metrics.binary_accuracy(y_true, y_pred).tolist() == [[1, 0], [0, 1]]
    weights = [[1.0, 3.0], [0.0, 2.0]]
    assert float(metrics.BinaryAccuracy()(y_true, y_pred, sample_weight=weights)) == 0.5
    assert float(metrics.BinaryAccuracy()(y_true, y_pred, sample_weight=[3.0, 1.0])) == 0.5
    assert float(metrics.Accuracy()([[1, 2]], [[1, 3]], sample_weight=[[3.0, 1.0]])) == 0.75


def test_ctc_answers_in_its_own_dtype():
    assert losses.CTC(dtype="bfloat16")([[1]], np.zeros((1, 2, 2))).dtype == jnp.bfloat16


@pytest.mark.parametrize("thresholds", [[None], [0.5, None]])
def test_a_threshold_of_none_within_a_list_is_refused(thresholds):
    with pytest.raises(ArgumentError, match="thresholds from 0 to 1"):
        metrics.TruePositives(thresholds=thresholds)


@pytest.mark.parametrize("kind", [nn.callbacks.EarlyStopping, nn.callbacks.ReduceLROnPlateau])
def test_the_best_value_may_be_set_and_a_new_fit_forgets_it(kind):
    callback = kind(monitor="loss")
    callback.best = 0.5
    assert callback.best == 0.5
    callback.set_model(nn.Sequential([nn.Input((1,)), layers.Dense(1)]))
    callback.on_train_begin()
    assert callback.best is None


def test_a_loss_that_is_not_finite_is_a_runtime_error_too():
    assert issubclass(NonFiniteLossError, RuntimeError)


def test_the_base_constraint_changes_nothing():
    assert nn.constraints.Constraint()(jnp.ones(2)).tolist() == [1, 1]


def test_a_dropout_that_is_always_on_draws_in_every_pass():
    begin = nn.Input((40,))
    model = nn.Model(begin, layers.Dropout(0.5)(begin, training=True))
    model.compile("sgd", "mse")
    ones = np.ones((4, 40), "float32")
    found = [model.predict(ones, batch_size=2, verbose=0) for _ in range(2)]
    assert set(np.unique(found)) == {0, 2}
    assert not np.array_equal(found[0], found[1])
    assert not np.array_equal(found[0][:2], found[0][2:])
    # The error of one row is the mean of 40 ones, whatever is dropped; no key is missing.
    assert model.evaluate(ones, ones, batch_size=2, verbose=0) == 1
    history = model.fit(ones, ones, validation_data=(ones, ones), verbose=0)
    assert history.history["val_loss"] == [1]


class _Stopper(nn.callbacks.Callback):
    def on_test_batch_end(self, batch, logs=None):
        self.last, self.model.stop_evaluating = batch, batch == 2

    def on_predict_batch_end(self, batch, logs=None):
        self.last, self.model.stop_predicting = batch, batch == 1


def test_a_callback_may_end_evaluations_and_predictions():
    def endless():
        while True:
            yield X, X[:, :1]

    model = nn.Sequential([nn.Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    stopper = _Stopper()
    for _ in range(2):  # the second pass begins anew
        model.evaluate(endless(), callbacks=[stopper], verbose=0)
        assert stopper.last == 2
        assert model.predict(endless(), callbacks=[stopper], verbose=0).shape == (8, 1)
        assert stopper.last == 1


class _Listener(nn.callbacks.Callback):
    def __init__(self):
        self.heard = []

    def on_train_batch_begin(self, batch, logs=None):
        self.heard.append(batch)

    def on_train_batch_end(self, batch, logs=None):
        self.heard.append((batch, "loss" in logs))

    on_test_batch_begin, on_test_batch_end = on_train_batch_begin, on_train_batch_end
    on_predict_batch_begin = on_train_batch_begin

    def on_predict_batch_end(self, batch, logs=None):
        self.heard.append((batch, len(logs["outputs"])))


def test_callbacks_hear_of_executions():
    x = np.ones((7, 3), "float32")
    model = nn.Sequential([nn.Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse", steps_per_execution=3)
    fit, stream, evaluate, predict = (_Listener() for _ in range(4))
    model.fit(x, x[:, :1], batch_size=1, callbacks=[fit], verbose=0)
    model.fit(((row[None], row[None, :1]) for row in x), callbacks=[stream], verbose=0)
    model.evaluate(x, x[:, :1], batch_size=1, callbacks=[evaluate], verbose=0)
    model.predict(x, batch_size=1, callbacks=[predict], verbose=0)
    groups = [0, (2, True), 3, (5, True), 6, (6, True)]
    assert fit.heard == stream.heard == evaluate.heard == groups
    assert predict.heard == [0, (2, 1), 3, (5, 1), 6, (6, 1)]


def test_compute_loss_may_do_without_training():
    class Old(nn.Sequential):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None):
            return jnp.mean(jnp.abs(y - y_pred))

    model = Old([nn.Input((3,)), layers.Dense(1, kernel_initializer="zeros")])
    model.compile("sgd")
    assert model.evaluate(X, np.full((4, 1), 2.0), verbose=0) == 2


def test_targets_are_needed_only_where_there_is_a_loss():
    begin = nn.Input((3,))
    ends = [layers.Dense(1, name=name)(begin) for name in "abc"]
    model = nn.Model(begin, ends)
    model.compile("sgd", ["mse", None, "mae"])
    assert model.compiled
    full = model.evaluate(X, [X[:, :1], X[:, 1:2], X[:, 2:]], verbose=0)
    assert model.metrics_names == ["loss", "a_loss", "c_loss"]
    assert model.evaluate(X, [X[:, :1], X[:, 2:]], verbose=0) == full


def test_the_only_loss_of_several_outputs_is_the_loss():
    begin = nn.Input((3,))
    model = nn.Model(begin, [layers.Dense(1, name=name)(begin) for name in "ab"])
    model.compile("sgd", {"b": "mse"}, metrics={"b": "mae"})
    history = model.fit(X, [X[:, :1], X[:, :1]], verbose=0)
    assert list(history.history) == ["loss", "b_mae"]


def test_inputs_that_the_model_does_not_have_are_left_out_with_a_warning():
    begin = nn.Input((3,), name="a")
    model = nn.Model({"a": begin}, layers.Rescaling(2.0)(begin))
    with pytest.warns(UserWarning, match="no inputs b"):
        found = model({"a": X, "b": X})
    np.testing.assert_array_equal(found, 2 * X)


def test_a_sequential_says_what_it_lacks():
    with pytest.raises(NotBuiltError, match="layers, got none"):
        nn.Sequential()(X)
    model = nn.Sequential([nn.Input((3,), batch_size=4)])
    with pytest.raises(ArgumentError, match="second"):
        model.add(nn.Input((3,)))
    model.add(layers.Dense(2))
    model.build((4, 3))
    with pytest.raises(ShapeError, match=r"\(4, 3\).*\(4, 2\)"):
        model.build((4, 2))


@pytest.mark.parametrize("kind", [layers.Add, layers.Concatenate])
def test_masks_of_merges_come_in_a_list(kind):
    mask = np.ones((4, 3), bool)
    for inputs, masks in (([X, X], mask), (X, [mask, mask]), ([X, X], [mask])):
        with pytest.raises(ShapeError, match="list of as many masks"):
            kind().compute_mask(inputs, masks)


def test_the_older_name_of_steps_per_execution():
    model = nn.Sequential([nn.Input((2,)), nn.layers.Dense(1)])
    model.compile("sgd", "mse", experimental_steps_per_execution=3)
    assert model.trainer.compiled.steps_per_execution == 3
    with pytest.raises(ArgumentError, match="both names"):
        model.compile("sgd", "mse", steps_per_execution=2, experimental_steps_per_execution=3)
