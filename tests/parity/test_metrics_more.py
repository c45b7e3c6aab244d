"""AUC, IoU, F-scores, R2, correlations and rates: the numbers of the installed Keras, streaming."""

import inspect

import jax
import numpy as np
import pytest

from nnlib import metrics

# Keras asks for int64, which JAX does not have by default.
pytestmark = pytest.mark.filterwarnings("ignore:Explicitly requested dtype int64")
RNG = np.random.default_rng(7)
BATCHES = 3


def bits(*shape):
    return (RNG.random(shape) > 0.5).astype("float32")


def uniform(*shape):
    return RNG.random(shape).astype("float32")


def normal(*shape):
    return RNG.normal(size=shape).astype("float32")


def coarse(*shape):
    """Outputs that meet the thresholds and the ends of 0 to 1 themselves."""
    return RNG.integers(0, 5, shape).astype("float32") / 4


def labels(*shape):
    return RNG.integers(-1, 4, shape)


def classes(*shape):
    return RNG.integers(0, 3, shape)


def one_hot(*shape):
    return np.eye(shape[-1], dtype="float32")[RNG.integers(0, shape[-1], shape[:-1])]


TWO = (8, 3)
FIVE = {"num_thresholds": 5}
# (class, arguments, maker of targets, maker of outputs, their shape)
ROWS = [
    ("AUC", {}, bits, uniform, TWO),
    ("AUC", FIVE, bits, coarse, TWO),
    ("AUC", {**FIVE, "curve": "pr"}, bits, uniform, TWO),
    ("AUC", {**FIVE, "curve": "PR", "summation_method": "minoring"}, bits, uniform, TWO),
    ("AUC", {**FIVE, "curve": "PRGAIN", "summation_method": "majoring"}, bits, uniform, TWO),
    ("AUC", {**FIVE, "curve": "PRGAIN"}, bits, uniform, TWO),
    ("AUC", {**FIVE, "summation_method": "Majoring"}, bits, uniform, TWO),
    ("AUC", {"thresholds": [0.6, 0.1, 0.3]}, bits, uniform, TWO),
    ("AUC", {"thresholds": [0.25, 0.5, 0.75]}, bits, coarse, TWO),
    ("AUC", {**FIVE, "from_logits": True}, bits, normal, TWO),
    ("AUC", {**FIVE, "label_weights": [0.2, 1.0, 0.5]}, bits, uniform, TWO),
    ("AUC", {**FIVE, "multi_label": True}, bits, uniform, TWO),
    ("AUC", {**FIVE, "multi_label": True, "num_labels": 3, "curve": "PR"}, bits, uniform, TWO),
    (
        "AUC",
        {**FIVE, "multi_label": True, "label_weights": [0.2, 1, 3], "summation_method": "minoring"},
        bits,
        uniform,
        TWO,
    ),
    ("SensitivityAtSpecificity", {"specificity": 0.4}, bits, uniform, TWO),
    ("SensitivityAtSpecificity", {"specificity": 1, "num_thresholds": 5}, bits, coarse, TWO),
    ("SpecificityAtSensitivity", {"sensitivity": 0.4, "class_id": 1, **FIVE}, bits, uniform, TWO),
    ("PrecisionAtRecall", {"recall": 0.6, "num_thresholds": 1}, bits, uniform, TWO),
    ("PrecisionAtRecall", {"recall": 0.6, **FIVE}, bits, uniform, TWO),
    ("RecallAtPrecision", {"precision": 0.55, "num_thresholds": 2}, bits, uniform, TWO),
    ("RecallAtPrecision", {"precision": 0.55, **FIVE}, bits, uniform, TWO),
    ("Precision", {"thresholds": [0.0, 0.5, 1.0]}, bits, coarse, TWO),
    ("Recall", {"thresholds": [0.9, 0.1], "class_id": 2}, bits, uniform, TWO),
    ("Recall", {"thresholds": [0.7, 0.0], "top_k": 2}, bits, uniform, TWO),
    ("Precision", {"thresholds": 0}, bits, normal, TWO),
    ("IoU", {"num_classes": 3, "target_class_ids": [0, 2]}, labels, labels, TWO),
    ("IoU", {"num_classes": 4, "target_class_ids": (1,), "ignore_class": 2}, labels, classes, TWO),
    ("MeanIoU", {"num_classes": 4, "dtype": "int32"}, labels, classes, TWO),
    (
        "MeanIoU",
        {"num_classes": 3, "sparse_y_true": False, "sparse_y_pred": False},
        one_hot,
        uniform,
        TWO,
    ),
    ("BinaryIoU", {}, bits, uniform, TWO),
    ("BinaryIoU", {"target_class_ids": [1], "threshold": 0.25}, bits, coarse, TWO),
    ("OneHotIoU", {"num_classes": 3, "target_class_ids": [1, 2]}, one_hot, uniform, TWO),
    ("OneHotMeanIoU", {"num_classes": 3, "ignore_class": 1}, one_hot, uniform, TWO),
    ("F1Score", {}, one_hot, uniform, TWO),
    ("F1Score", {"average": "macro", "threshold": 0.4}, bits, uniform, TWO),
    ("F1Score", {"average": "micro"}, one_hot, coarse, TWO),
    ("FBetaScore", {"average": "weighted", "beta": 2.0}, one_hot, uniform, TWO),
    ("FBetaScore", {"beta": 0.5, "threshold": 0.7}, bits, uniform, TWO),
    ("R2Score", {}, normal, normal, TWO),
    ("R2Score", {"class_aggregation": None}, normal, normal, TWO),
    ("R2Score", {"class_aggregation": "variance_weighted_average"}, normal, normal, TWO),
    ("R2Score", {"num_regressors": 4}, normal, normal, TWO),
    ("R2Score", {"num_regressors": 4}, normal, normal, (8, 1)),
    ("PearsonCorrelation", {}, normal, normal, TWO),
    ("ConcordanceCorrelation", {}, normal, normal, TWO),
    ("ConcordanceCorrelation", {"axis": 1}, normal, normal, (8, 3, 2)),
    ("MeanMetricWrapper", {"fn": "binary_focal_crossentropy"}, bits, uniform, TWO),
]
IDS = [f"{name}-{arguments}" for name, arguments, *_ in ROWS]


@pytest.mark.parametrize(("name", "arguments", "targets", "output", "shape"), ROWS, ids=IDS)
def test_streaming(keras, name, arguments, targets, output, shape):
    theirs = dict(arguments)
    if "fn" in theirs:
        theirs["fn"] = getattr(keras.losses, theirs["fn"])
    mine, its = getattr(metrics, name)(**arguments), getattr(keras.metrics, name)(**theirs)
    for batch in range(BATCHES):
        y_true, y_pred = targets(*shape), output(*shape)
        # Keras counts rows of weight 0 among the samples of R2; we leave them out.
        least = 1 if name == "R2Score" else 0
        weights = None if batch == 1 else RNG.integers(least, 3, shape[0]).astype("float32")
        with jax.numpy_rank_promotion("raise"):
            mine.update_state(y_true, y_pred, weights)
        if weights is not None:
            weights = for_keras(mine, weights, shape)
        its.update_state(y_true, y_pred, weights)
    np.testing.assert_allclose(mine.result(), its.result(), rtol=1e-5, atol=1e-6)


def for_keras(metric, weights, shape):
    """Weights of rows as Keras wants them: for each value, where ours lets rows meet rows."""
    if isinstance(metric, metrics.IoU):
        return np.repeat(weights, shape[1] if metric.sparse_y_true else 1).astype("int32")
    return weights if len(shape) == 2 else weights[:, None]


def test_a_whole_epoch_in_jit(keras):
    """The pure functions, compiled: one program for all batches, no state left behind."""
    y_true, y_pred = bits(2, 8, 1), uniform(2, 8, 1)
    for name, arguments in [("AUC", FIVE), ("R2Score", {}), ("MeanIoU", {"num_classes": 2})]:
        mine, its = getattr(metrics, name)(**arguments), getattr(keras.metrics, name)(**arguments)
        mine.prepare(y_true[0], y_pred[0])

        @jax.jit
        def epoch(y_true, y_pred, metric=mine):
            state = metric.init()
            for batch in zip(y_true, y_pred, strict=True):
                state = metric.update(state, *batch)
            return metric.compute(state)

        with jax.numpy_rank_promotion("raise"):
            got = epoch(y_true, y_pred)
        for batch in zip(y_true, y_pred, strict=True):
            its.update_state(*batch)
        np.testing.assert_allclose(got, its.result(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", sorted({row[0] for row in ROWS}))
def test_signature_and_config(keras, name):
    mine, its = getattr(metrics, name), getattr(keras.metrics, name)
    assert [(p.name, p.default) for p in inspect.signature(mine).parameters.values()] == [
        (p.name, p.default) for p in inspect.signature(its).parameters.values()
    ]
    arguments = next(row[1] for row in reversed(ROWS) if row[0] == name)
    if "fn" in arguments:
        return
    config = its(**arguments, name="mine").get_config()
    made = mine.from_config(config)
    for argument, value in arguments.items():
        if isinstance(value, str | None):
            assert getattr(made, argument) == value
        else:
            np.testing.assert_allclose(getattr(made, argument), value, rtol=1e-6)
    again = metrics.deserialize(metrics.serialize(made))
    assert again.get_config() == made.get_config()
    assert again.name == "mine"


def test_every_name_that_keras_resolves(keras):
    from keras.src.metrics import ALL_OBJECTS_DICT

    for name, entry in ALL_OBJECTS_DICT.items():
        if entry.__name__ not in ("Metric", "MeanMetricWrapper"):
            assert metrics._registry.lookup(name).__name__ == entry.__name__, name
    public = {name for name in dir(keras.metrics) if not name.startswith("_")}
    assert public <= set(metrics.__all__)


@pytest.mark.parametrize("name", ["pearson_correlation", "concordance_correlation"])
@pytest.mark.parametrize(("shapes", "axis"), [(((4, 6), (4, 6)), -1), (((4, 6, 1), (4, 6)), 0)])
def test_functions(keras, name, shapes, axis):
    mine, its = (getattr(m, name) for m in (metrics, keras.metrics))
    y_true, y_pred = normal(*shapes[0]), 1 + normal(*shapes[1])
    with jax.numpy_rank_promotion("raise"):
        ours = mine(y_true, y_pred, axis)
    np.testing.assert_allclose(ours, its(y_true, y_pred, axis), rtol=1e-5, atol=1e-6)
