"""The pure core, the facade, exactness over long epochs, rows left out, errors."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nnlib import losses, metrics
from nnlib.core.errors import ArgumentError, DTypeError, ShapeError, UnknownNameError

ALL = [
    (metrics.BinaryAccuracy(), (5, 1), (5, 1)),
    (metrics.CategoricalAccuracy(), (5, 4), (5, 4)),
    (metrics.SparseCategoricalAccuracy(), (5,), (5, 4)),
    (metrics.SparseCategoricalAccuracy(), (5, 3), (5, 3, 4)),
    (metrics.TopKCategoricalAccuracy(k=2), (5, 4), (5, 4)),
    (metrics.MeanSquaredError(), (5, 3), (5, 3)),
    (metrics.MeanSquaredError(), (5,), (5,)),
    (metrics.RootMeanSquaredError(), (5, 3), (5, 3)),
    (metrics.BinaryCrossentropy(), (5, 3), (5, 3)),
    (metrics.SparseCategoricalCrossentropy(ignore_class=1), (5,), (5, 4)),
    (metrics.Precision(), (5, 3), (5, 3)),
    (metrics.Recall(thresholds=[0.2, 0.5]), (5, 3), (5, 3)),
]


@pytest.mark.parametrize(("metric", "targets", "output"), ALL)
def test_rows_of_weight_zero_are_not_there(metric, targets, output):
    rng = np.random.default_rng(0)
    y_true = (rng.random(targets) > 0.5).astype("float32")
    y_pred = rng.random(output).astype("float32")
    expected = metric.compute(metric.update(metric.init(), y_true, y_pred))

    def padded(array, filler):
        return np.concatenate([array, np.full((3, *array.shape[1:]), filler, "float32")])

    mask = np.array([1, 1, 1, 1, 1, 0, 0, 0], "float32")
    state = jax.jit(metric.update)(metric.init(), padded(y_true, 1), padded(y_pred, np.nan), mask)
    np.testing.assert_allclose(metric.compute(state), expected, rtol=1e-6)


def test_counts_beyond_what_float32_counts():
    mean = metrics.Mean()

    def many(state, values):
        return jax.lax.fori_loop(0, 1000, lambda _, s: mean.update(s, values), state)

    state = mean.update(mean.init(), jnp.ones(()), jnp.float32(2**24))
    state = jax.jit(many)(state, jnp.ones(1))
    assert sum(int(part) for part in state["count"]) == 2**24 + 1000
    assert mean.compute(state) == 1
    state = mean.update(mean.init(), jnp.ones(()), jnp.float32(2**30))
    state = jax.jit(many)(state, jnp.ones(1))
    assert sum(int(part) for part in state["count"]) == 2**30 + 1000


def test_sums_of_many_small_values():
    values = np.random.default_rng(0).random(20000).astype("float32")
    total = metrics.Sum()
    state = jax.jit(
        lambda v: jax.lax.scan(lambda s, x: (total.update(s, x), None), total.init(), v)[0]
    )(values)
    np.testing.assert_allclose(total.compute(state), values.astype("float64").sum(), rtol=1e-7)


def test_infinite_values_stay_visible():
    mean = metrics.Mean()
    assert np.isinf(mean([1.0, np.inf]))
    assert np.isinf(mean([1.0]))
    assert np.isnan(metrics.Mean()([np.nan]))


def test_facade():
    metric = metrics.BinaryAccuracy()
    assert metric.result() == 0
    metric.update_state([[1.0]], [[0.9]])
    assert metric([[1.0]], [[0.1]]) == 0.5
    assert len(metric.variables) == 2
    kept = metric.state
    metric.reset_state()
    assert metric.result() == 0
    metric.state = kept
    assert metric.result() == 0.5
    assert repr(metric) == "<BinaryAccuracy name=binary_accuracy>"


def test_update_is_pure_and_traced_once():
    metric, traces = metrics.SparseCategoricalAccuracy(), []

    @jax.jit
    def step(state, y_true, y_pred):
        traces.append(1)
        return metric.update(state, y_true, y_pred)

    state = metric.init()
    for _ in range(3):
        state = step(state, np.array([0, 1]), np.eye(2, dtype="float32"))
    assert len(traces) == 1
    assert metric.compute(state) == 1
    assert metric._state is None


def test_as_metric_takes_what_compile_takes():
    y, p = np.zeros((4, 1)), np.zeros((4, 1))

    def off_by(y_true, y_pred):
        return jnp.abs(y_true - y_pred)

    assert metrics.as_metric(off_by, y, p).name == "off_by"
    assert metrics.as_metric(lambda a, b: a, y, p).name == "lambda"
    assert metrics.as_metric("mse", y, p).name == "mse"
    assert metrics.as_metric("huber", y, p).name == "huber"
    assert metrics.as_metric(metrics.Recall, y, p).name == "recall"
    assert metrics.as_metric(losses.Huber(), y, p).name == "huber_loss"
    own = metrics.Precision(name="mine")
    assert metrics.as_metric(own, y, p) is own
    config = {"class_name": "Recall", "config": {"thresholds": 0.3}}
    assert metrics.as_metric(config, y, p).thresholds == 0.3
    with pytest.raises(UnknownNameError, match="'precision'"):
        metrics.as_metric("precison", y, p)
    with pytest.raises(ArgumentError, match="got None"):
        metrics.as_metric(None, y, p)


def test_scalar_functions_count_once_per_batch():
    metric = metrics.MeanMetricWrapper(lambda y_true, y_pred: jnp.mean(y_pred))
    assert metric([[0.0]], [[1.0]]) == 1
    assert metric([[0.0]], [[3.0]]) == 2
    with pytest.raises(ShapeError, match="one value per sample to weight"):
        metric([[0.0]], [[3.0]], sample_weight=[1.0])


def test_ignored_classes_do_not_count():
    y_true, y_pred = np.array([0, 1, -1]), np.array([[0.1, 0.9], [0.3, 0.7], [0.5, 0.5]])
    metric = metrics.SparseCategoricalCrossentropy(ignore_class=-1)
    loss = losses.SparseCategoricalCrossentropy(ignore_class=-1)
    np.testing.assert_allclose(metric(y_true, y_pred), loss(y_true, y_pred), rtol=1e-6)


def test_configs_make_the_metric_again():
    metric = metrics.MeanMetricWrapper("huber", delta=0.5, name="mine")
    again = metrics.get({"class_name": "MeanMetricWrapper", "config": metric.get_config()})
    assert again.get_config() == metric.get_config()
    assert again([[0.0]], [[1.0]]) == metric([[0.0]], [[1.0]])


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: metrics.Precision(thresholds=2), ArgumentError, "from 0 to 1, got 2"),
        (lambda: metrics.Recall(top_k=0), ArgumentError, "top_k above 0"),
        (lambda: metrics.Recall(class_id=9)(*np.ones((2, 4, 3))), ArgumentError, "from 0 to 2"),
        (lambda: metrics.TopKCategoricalAccuracy(k=0), ArgumentError, "k to be an integer above"),
        (lambda: metrics.BinaryAccuracy(threshold="a"), ArgumentError, "threshold"),
        (lambda: metrics.Mean(name=3), ArgumentError, "non-empty string"),
        (lambda: metrics.Mean()(["a"]), DTypeError, "numbers"),
        (lambda: metrics.Mean()(np.ones((4, 2)), np.ones(2)), ShapeError, "sample_weight"),
        (
            lambda: metrics.CategoricalAccuracy()(np.ones(4), np.ones((4, 3))),
            ShapeError,
            "sparse_categorical_accuracy",
        ),
        (
            lambda: metrics.SparseCategoricalAccuracy()(np.ones((4, 3)), np.ones((4, 3))),
            ShapeError,
            "one-hot",
        ),
        (lambda: metrics.Precision()(np.ones((4, 3)), np.ones(4)), ShapeError, "output's shape"),
        (lambda: metrics.Metric().result(), NotImplementedError, "init"),
    ],
)
def test_errors(make, error, text):
    with pytest.raises(error, match=text):
        make()
