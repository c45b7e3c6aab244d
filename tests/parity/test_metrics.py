"""The same numbers as the installed Keras, streaming over batches."""

import inspect

import jax
import numpy as np
import pytest

from nnlib import metrics

RNG = np.random.default_rng(2)
BATCHES = 3


def unit(*shape):
    draw = RNG.uniform(0.05, 1.0, shape).astype("float32")
    return draw / draw.sum(-1, keepdims=True)


def bits(*shape):
    return (RNG.random(shape) > 0.5).astype("float32")


def one_hot(*shape):
    return np.eye(shape[-1], dtype="float32")[RNG.integers(0, shape[-1], shape[:-1])]


def labels(classes):
    return lambda *shape: RNG.integers(0, classes, shape)


def normal(*shape):
    return RNG.normal(size=shape).astype("float32")


def uniform(*shape):
    return RNG.random(shape).astype("float32")


# (class, arguments, (maker, shape) of targets, (maker, shape) of the output)
ROWS = [
    ("Accuracy", {}, (labels(3), (6, 2)), (labels(3), (6, 2))),
    ("BinaryAccuracy", {}, (bits, (6, 1)), (uniform, (6, 1))),
    ("BinaryAccuracy", {}, (bits, (6,)), (uniform, (6, 1))),
    ("BinaryAccuracy", {"threshold": 0.2}, (bits, (6, 3)), (uniform, (6, 3))),
    ("CategoricalAccuracy", {}, (one_hot, (6, 4)), (unit, (6, 4))),
    ("CategoricalAccuracy", {}, (one_hot, (6, 2, 4)), (unit, (6, 2, 4))),
    ("SparseCategoricalAccuracy", {}, (labels(4), (6,)), (unit, (6, 4))),
    ("SparseCategoricalAccuracy", {}, (labels(4), (6, 1)), (unit, (6, 4))),
    ("SparseCategoricalAccuracy", {}, (labels(4), (6, 3)), (unit, (6, 3, 4))),
    ("TopKCategoricalAccuracy", {"k": 2}, (one_hot, (6, 4)), (unit, (6, 4))),
    ("TopKCategoricalAccuracy", {"k": 2}, (one_hot, (6, 3, 4)), (labels(3), (6, 3, 4))),
    ("SparseTopKCategoricalAccuracy", {"k": 2}, (labels(4), (6,)), (unit, (6, 4))),
    ("SparseTopKCategoricalAccuracy", {}, (labels(4), (6, 1)), (unit, (6, 4))),
    (
        "SparseTopKCategoricalAccuracy",
        {"k": 2, "from_sorted_ids": True},
        (labels(4), (6,)),
        (labels(4), (6, 4)),
    ),
    ("MeanSquaredError", {}, (normal, (6, 3)), (normal, (6, 3))),
    ("MeanSquaredError", {}, (normal, (6, 4, 3)), (normal, (6, 4, 3))),
    ("MeanAbsoluteError", {}, (normal, (6,)), (normal, (6, 1))),
    ("MeanAbsolutePercentageError", {}, (normal, (6, 3)), (normal, (6, 3))),
    ("MeanSquaredLogarithmicError", {}, (normal, (6, 3)), (normal, (6, 3))),
    ("RootMeanSquaredError", {}, (normal, (6, 3)), (normal, (6, 3))),
    ("LogCoshError", {}, (normal, (6, 3)), (normal, (6, 3))),
    ("Poisson", {}, (labels(4), (6, 3)), (unit, (6, 3))),
    ("KLDivergence", {}, (unit, (6, 3)), (unit, (6, 3))),
    ("CosineSimilarity", {}, (normal, (6, 3)), (normal, (6, 3))),
    ("Hinge", {}, (bits, (6, 3)), (normal, (6, 3))),
    ("SquaredHinge", {}, (bits, (6, 3)), (normal, (6, 3))),
    ("CategoricalHinge", {}, (one_hot, (6, 3)), (normal, (6, 3))),
    ("BinaryCrossentropy", {"label_smoothing": 0.1}, (bits, (6, 3)), (uniform, (6, 3))),
    ("BinaryCrossentropy", {"from_logits": True}, (bits, (6, 1)), (normal, (6, 1))),
    ("CategoricalCrossentropy", {"label_smoothing": 0.1}, (one_hot, (6, 3)), (unit, (6, 3))),
    ("SparseCategoricalCrossentropy", {}, (labels(3), (6,)), (unit, (6, 3))),
    (
        "SparseCategoricalCrossentropy",
        {"from_logits": True},
        (labels(3), (6, 2)),
        (unit, (6, 2, 3)),
    ),
    ("Precision", {}, (bits, (6,)), (uniform, (6, 1))),
    ("Precision", {"thresholds": [0.2, 0.5, 0.7]}, (bits, (6, 3)), (uniform, (6, 3))),
    ("Precision", {"top_k": 2}, (one_hot, (6, 4)), (unit, (6, 4))),
    ("Precision", {"class_id": 1, "thresholds": 0.2}, (one_hot, (6, 4)), (unit, (6, 4))),
    ("Precision", {"class_id": 1, "top_k": 2}, (one_hot, (6, 4)), (unit, (6, 4))),
    ("Precision", {"top_k": 2, "thresholds": 0.3}, (one_hot, (6, 4)), (unit, (6, 4))),
    ("Recall", {}, (bits, (6, 3)), (uniform, (6, 3))),
    ("Recall", {"thresholds": [0.2, 0.5, 0.7]}, (bits, (6, 1)), (uniform, (6, 1))),
    ("Recall", {"class_id": 1, "top_k": 2}, (one_hot, (6, 4)), (unit, (6, 4))),
    ("TruePositives", {}, (bits, (6, 1)), (uniform, (6, 1))),
    ("FalsePositives", {"thresholds": 0.3}, (bits, (6, 1)), (uniform, (6, 1))),
    ("TrueNegatives", {}, (bits, (6, 1)), (uniform, (6, 1))),
    ("FalseNegatives", {"thresholds": [0.3, 0.6]}, (bits, (6, 1)), (uniform, (6, 1))),
]
IDS = [f"{name}-{arguments}-{y[1]}-{p[1]}" for name, arguments, y, p in ROWS]


@pytest.mark.parametrize(("name", "arguments", "targets", "output"), ROWS, ids=IDS)
def test_streaming(keras, name, arguments, targets, output):
    mine, its = (getattr(m, name)(**arguments) for m in (metrics, keras.metrics))
    with jax.numpy_rank_promotion("raise"):
        step = jax.jit(mine.update)
    state = mine.init()
    for batch in range(BATCHES):
        y_true, y_pred = (make(*shape) for make, shape in (targets, output))
        weights = None if batch == 1 else uniform(6)
        with jax.numpy_rank_promotion("raise"):
            state = step(state, y_true, y_pred, weights)
        if weights is not None and len(output[1]) > 1 and not name.startswith(("Mean", "Sparse")):
            rank = len(output[1]) - (name.startswith(("Cat", "TopK")) and len(output[1]) > 2)
            weights = weights if rank < 3 else weights[:, None]
        its.update_state(y_true, y_pred, weights)
        np.testing.assert_allclose(mine.compute(state), its.result(), rtol=2e-6, atol=1e-7)


@pytest.mark.parametrize("weights", [None, (6,), (6, 1), (6, 2)])
@pytest.mark.parametrize("name", ["Mean", "Sum"])
def test_plain_values(keras, name, weights):
    mine, its = (getattr(m, name)() for m in (metrics, keras.metrics))
    for _ in range(BATCHES):
        values, sample_weight = normal(6, 2), None if weights is None else uniform(*weights)
        with jax.numpy_rank_promotion("raise"):
            mine.update_state(values, sample_weight)
        its.update_state(values, sample_weight)
    np.testing.assert_allclose(mine.result(), its.result(), rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("name", sorted({row[0] for row in ROWS} | {"Mean", "Sum"}))
def test_signature_and_config(keras, name):
    mine, its = getattr(metrics, name), getattr(keras.metrics, name)
    assert [(p.name, p.default) for p in inspect.signature(mine).parameters.values()] == [
        (p.name, p.default) for p in inspect.signature(its).parameters.values()
    ]
    assert mine.from_config(mine().get_config()).get_config() == mine().get_config()


SHAPES = [
    ((4,), (4, 1)),
    ((4, 1), (4, 1)),
    ((4, 3), (4, 3)),
    ((4,), (4, 3)),
    ((4, 1), (4, 3)),
    ((4, 2), (4, 2, 3)),
    ((4, 2, 1), (4, 2, 3)),
    ((4, 2, 3), (4, 2, 3)),
    ((4, 2, 1), (4, 2, 1)),
    ((4, 2), (4, 2, 1)),
    ((4, 3), (4, 1)),
]


@pytest.mark.parametrize(("targets", "output"), SHAPES)
def test_accuracy_by_shape(keras, targets, output):
    compiled = keras.src.trainers.compile_utils.CompileMetrics(["accuracy"], None)
    y_true, y_pred = np.zeros(targets, "float32"), np.ones(output, "float32")
    compiled.build(y_true, y_pred)
    expected = type(compiled.metrics[0]).__name__
    for name in ("accuracy", "acc", "Accuracy"):
        metric = metrics.as_metric(name, y_true, y_pred)
        assert (type(metric).__name__, metric.name) == (expected, name)
    crossentropy = metrics.as_metric("ce", y_true, y_pred)
    assert type(crossentropy).__name__ == expected.replace("Accuracy", "Crossentropy")


ALIASES = """mse MSE mae MAE mape msle bce precision Precision recall root_mean_squared_error
    kl_divergence top_k_categorical_accuracy binary_accuracy mean sum"""


@pytest.mark.parametrize("alias", ALIASES.split())
def test_aliases(keras, alias):
    assert type(metrics.get(alias)).__name__ == type(keras.metrics.get(alias)).__name__
