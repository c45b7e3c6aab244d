"""Numbers to watch. Pure `init`, `update`, `compute`, and Keras' facade over them."""

import functools
import inspect
from typing import Any

from nnlib.core.config_capture import serialize
from nnlib.core.errors import ArgumentError
from nnlib.core.registries import losses as _losses
from nnlib.core.registries import metrics as _registry
from nnlib.losses import (
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_hinge,
    hinge,
    huber,
    kl_divergence,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    poisson,
    sparse_categorical_crossentropy,
    squared_hinge,
)
from nnlib.losses.alignment import form_of_classes, is_across_rows
from nnlib.losses.loss import Loss
from nnlib.metrics.accuracy import (
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
    binary_accuracy,
    categorical_accuracy,
    sparse_categorical_accuracy,
    sparse_top_k_categorical_accuracy,
    top_k_categorical_accuracy,
)
from nnlib.metrics.at_threshold import (
    PrecisionAtRecall,
    RecallAtPrecision,
    SensitivityAtSpecificity,
    SpecificityAtSensitivity,
)
from nnlib.metrics.auc import AUC
from nnlib.metrics.confusion import (
    FalseNegatives,
    FalsePositives,
    Precision,
    Recall,
    TrueNegatives,
    TruePositives,
)
from nnlib.metrics.correlation import (
    ConcordanceCorrelation,
    PearsonCorrelation,
    concordance_correlation,
    pearson_correlation,
)
from nnlib.metrics.f_score import F1Score, FBetaScore
from nnlib.metrics.iou import BinaryIoU, IoU, MeanIoU, OneHotIoU, OneHotMeanIoU
from nnlib.metrics.loss_metrics import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    CategoricalHinge,
    CosineSimilarity,
    Hinge,
    KLDivergence,
    LogCoshError,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    RootMeanSquaredError,
    SparseCategoricalCrossentropy,
    SquaredHinge,
)
from nnlib.metrics.metric import Metric
from nnlib.metrics.r2 import R2Score
from nnlib.metrics.reduction import Mean, MeanMetricWrapper, Sum
from nnlib.metrics.variable import MetricVariable

__all__ = [
    "AUC",
    "Accuracy",
    "BinaryAccuracy",
    "BinaryCrossentropy",
    "BinaryIoU",
    "CategoricalAccuracy",
    "CategoricalCrossentropy",
    "CategoricalHinge",
    "ConcordanceCorrelation",
    "CosineSimilarity",
    "F1Score",
    "FBetaScore",
    "FalseNegatives",
    "FalsePositives",
    "Hinge",
    "IoU",
    "KLDivergence",
    "LogCoshError",
    "Mean",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanIoU",
    "MeanMetricWrapper",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Metric",
    "MetricVariable",
    "OneHotIoU",
    "OneHotMeanIoU",
    "PearsonCorrelation",
    "Poisson",
    "Precision",
    "PrecisionAtRecall",
    "R2Score",
    "Recall",
    "RecallAtPrecision",
    "RootMeanSquaredError",
    "SensitivityAtSpecificity",
    "SparseCategoricalAccuracy",
    "SparseCategoricalCrossentropy",
    "SparseTopKCategoricalAccuracy",
    "SpecificityAtSensitivity",
    "SquaredHinge",
    "Sum",
    "TopKCategoricalAccuracy",
    "TrueNegatives",
    "TruePositives",
    "as_metric",
    "binary_accuracy",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_accuracy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_hinge",
    "concordance_correlation",
    "deserialize",
    "get",
    "hinge",
    "huber",
    "kl_divergence",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "pearson_correlation",
    "poisson",
    "serialize",
    "sparse_categorical_accuracy",
    "sparse_categorical_crossentropy",
    "sparse_top_k_categorical_accuracy",
    "squared_hinge",
    "top_k_categorical_accuracy",
]

_BY_SHAPE: dict[str, tuple[type[Metric], type[Metric], type[Metric]]] = {
    "accuracy": (BinaryAccuracy, CategoricalAccuracy, SparseCategoricalAccuracy),
    "crossentropy": (BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy),
}
_BY_SHAPE |= {"acc": _BY_SHAPE["accuracy"], "ce": _BY_SHAPE["crossentropy"]}


def get(identifier: Any) -> Any:
    """The metric of a name, config, class, instance or callable; None for None.

    >>> get("mse")
    <MeanSquaredError name=mean_squared_error>
    """
    return _registry.get(identifier)


def deserialize(config: Any, custom_objects: Any = None) -> Any:
    """The metric of what `serialize` wrote; `custom_objects` maps further names to them.

    >>> deserialize(serialize(Recall(thresholds=0.3))).thresholds
    0.3
    """
    return _registry.deserialize(config, custom_objects)


def as_metric(identifier: Any, y_true: Any, y_pred: Any) -> Metric:
    """A Metric for an item of `compile(metrics=[...])`, named as the user wrote it.

    "accuracy" ("acc") and "crossentropy" ("ce") mean the binary form for outputs of one unit, the
    sparse form for targets without a class axis, and else the categorical form.

    Args:
        identifier: a name, config, class, instance, Loss or function.
        y_true: anything with the targets' `.shape`.
        y_pred: anything with the output's `.shape`.

    Raises:
        UnknownNameError: for a name that is neither a metric nor a loss.
        ArgumentError: for None.

    >>> import numpy as np
    >>> as_metric("accuracy", np.zeros(4), np.zeros((4, 10)))
    <SparseCategoricalAccuracy name=accuracy>
    """
    metric = _metric_of(identifier, y_true, y_pred)
    if y_true is not None:
        metric.prepare(y_true, y_pred)
    return metric


def _metric_of(identifier: Any, y_true: Any, y_pred: Any) -> Metric:
    if isinstance(identifier, str):
        if identifier.lower() in _BY_SHAPE:
            forms = _BY_SHAPE[identifier.lower()]
            return forms[form_of_classes(y_true.shape, y_pred.shape)](name=identifier)
        return _named(identifier)
    metric = get(identifier)
    if isinstance(metric, Metric):
        return metric
    if metric is None:
        raise ArgumentError("metrics: expected names, metrics or functions, got None.")
    return _mean_of(metric)


def _named(name: str) -> Metric:
    if name not in _registry and name in _losses:
        return _mean_of(_losses.get(name), name)
    entry = _registry.lookup(name)
    if not inspect.isclass(entry):
        return _mean_of(entry, name)
    make: Any = entry
    metric: Metric = make(name=name)
    return metric


def _mean_of(function: Any, name: str | None = None) -> MeanMetricWrapper:
    """The mean of a Loss or function over the samples, or over the batches."""
    across = is_across_rows(getattr(function, "fn", function))
    if isinstance(function, Loss):
        function, name = function.call, name or function.name
    # A partial is a function of nobody: the trainer then fills up no batch that it gets to see.
    return MeanMetricWrapper(functools.partial(function) if across else function, name=name)
