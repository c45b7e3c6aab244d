"""Numbers to watch. Pure `init`, `update`, `compute`, and Keras' facade over them."""

import inspect
from typing import Any

from nnlib.core.errors import ArgumentError
from nnlib.core.registries import losses as _losses
from nnlib.core.registries import metrics as _registry
from nnlib.losses import (
    binary_crossentropy,
    categorical_crossentropy,
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
from nnlib.metrics.confusion import (
    FalseNegatives,
    FalsePositives,
    Precision,
    Recall,
    TrueNegatives,
    TruePositives,
)
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
from nnlib.metrics.reduction import Mean, MeanMetricWrapper, Sum

__all__ = [
    "Accuracy",
    "BinaryAccuracy",
    "BinaryCrossentropy",
    "CategoricalAccuracy",
    "CategoricalCrossentropy",
    "CategoricalHinge",
    "CosineSimilarity",
    "FalseNegatives",
    "FalsePositives",
    "Hinge",
    "KLDivergence",
    "LogCoshError",
    "Mean",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanMetricWrapper",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Metric",
    "Poisson",
    "Precision",
    "Recall",
    "RootMeanSquaredError",
    "SparseCategoricalAccuracy",
    "SparseCategoricalCrossentropy",
    "SparseTopKCategoricalAccuracy",
    "SquaredHinge",
    "Sum",
    "TopKCategoricalAccuracy",
    "TrueNegatives",
    "TruePositives",
    "as_metric",
    "binary_accuracy",
    "binary_crossentropy",
    "categorical_accuracy",
    "categorical_crossentropy",
    "categorical_hinge",
    "get",
    "hinge",
    "huber",
    "kl_divergence",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "poisson",
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
    if isinstance(identifier, str):
        if identifier.lower() in _BY_SHAPE:
            forms = _BY_SHAPE[identifier.lower()]
            return forms[_form(y_true.shape, y_pred.shape)](name=identifier)
        return _named(identifier)
    metric = get(identifier)
    if isinstance(metric, Metric):
        return metric
    if metric is None:
        raise ArgumentError("metrics: expected names, metrics or functions, got None.")
    if isinstance(metric, Loss):
        return MeanMetricWrapper(metric.call, name=metric.name)
    return MeanMetricWrapper(metric)


def _form(targets: Any, output: Any) -> int:
    """0 for binary, 1 for categorical, 2 for sparse."""
    if len(output) == 0 or output[-1] == 1:
        return 0
    one_label = len(targets) == len(output) and targets[-1] == 1
    return 2 if len(targets) < len(output) or one_label else 1


def _named(name: str) -> Metric:
    if name not in _registry and name in _losses:
        loss = _losses.get(name)
        return MeanMetricWrapper(loss.call if isinstance(loss, Loss) else loss, name=name)
    entry = _registry.lookup(name)
    if inspect.isfunction(entry):
        return MeanMetricWrapper(entry, name=name)
    metric: Metric = entry(name=name)
    return metric
