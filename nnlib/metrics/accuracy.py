"""How often predictions are right."""

from typing import Any

import jax
import jax.numpy as jnp

from nnlib.core.errors import ArgumentError, ShapeError
from nnlib.core.registries import metrics
from nnlib.losses.alignment import as_array, as_float, elementwise, float_pair
from nnlib.losses.crossentropy import sparse_labels
from nnlib.metrics.reduction import MeanMetricWrapper


@elementwise
def accuracy(y_true: Any, y_pred: Any) -> jax.Array:
    """1 where an element equals its target, else 0: of the output's shape.

    >>> accuracy([[1.0, 2.0]], [[1.0, 3.0]]).tolist()
    [[1.0, 0.0]]
    """
    y_true, y_pred = float_pair("accuracy", y_true, y_pred)
    return (y_true == y_pred).astype(y_pred.dtype)


@elementwise
def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> jax.Array:
    """1 where an output is on its target's side of `threshold`, else 0: of the output's shape.

    >>> binary_accuracy([[1.0, 0.0]], [[0.7, 0.6]]).tolist()
    [[1.0, 0.0]]
    """
    y_true, y_pred = float_pair("binary_accuracy", y_true, y_pred)
    return (y_true == (y_pred > threshold)).astype(y_pred.dtype)


def categorical_accuracy(y_true: Any, y_pred: Any) -> jax.Array:
    """1 where the largest output is at the one of a one-hot target, else 0.

    >>> categorical_accuracy([[0.0, 1.0]], [[0.4, 0.6]]).tolist()
    [1.0]
    """
    y_true, y_pred = _class_pair("categorical_accuracy", y_true, y_pred)
    right = jnp.argmax(y_true, axis=-1) == jnp.argmax(y_pred, axis=-1)
    return right.astype(y_pred.dtype)


def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> jax.Array:
    """1 where the largest output is at the label, else 0.

    >>> sparse_categorical_accuracy([1, 0], [[0.4, 0.6], [0.4, 0.6]]).tolist()
    [1.0, 0.0]
    """
    y_pred = as_float("sparse_categorical_accuracy", y_pred)
    labels = sparse_labels("sparse_categorical_accuracy", y_true, y_pred)
    return (jnp.argmax(y_pred, axis=-1) == labels).astype(y_pred.dtype)


def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> jax.Array:
    """1 where the target's class is among the k largest outputs, else 0.

    >>> top_k_categorical_accuracy([[1.0, 0.0, 0.0]], [[0.3, 0.6, 0.1]], k=2).tolist()
    [1.0]
    """
    y_true, y_pred = _class_pair("top_k_categorical_accuracy", y_true, y_pred)
    return _in_top_k(jnp.argmax(y_true, axis=-1), y_pred, k)


def sparse_top_k_categorical_accuracy(
    y_true: Any, y_pred: Any, k: int = 5, from_sorted_ids: bool = False
) -> jax.Array:
    """1 where the label is among the k largest outputs (or first k class numbers), else 0.

    >>> sparse_top_k_categorical_accuracy([0], [[0.3, 0.6, 0.1]], k=2).tolist()
    [1.0]
    """
    y_pred = as_float("sparse_top_k_categorical_accuracy", y_pred)
    labels = sparse_labels("sparse_top_k_categorical_accuracy", y_true, y_pred)
    if from_sorted_ids:
        found = jnp.any(y_pred[..., :k].astype(jnp.int32) == labels[..., None], axis=-1)
        return found.astype(y_pred.dtype)
    return _in_top_k(labels, y_pred, k)


def _in_top_k(labels: jax.Array, y_pred: jax.Array, k: int) -> jax.Array:
    """Whether fewer than k outputs are larger than the label's own: ties are in."""
    chosen = jnp.arange(y_pred.shape[-1]).reshape((1,) * labels.ndim + (-1,)) == labels[..., None]
    own = jnp.sum(jnp.where(chosen, y_pred, 0), axis=-1, keepdims=True)
    larger = jnp.sum(y_pred > own, axis=-1)
    known = jnp.any(chosen, axis=-1) & jnp.isfinite(own[..., 0])
    return ((larger < k) & known).astype(y_pred.dtype)


def _class_pair(place: str, y_true: Any, y_pred: Any) -> tuple[jax.Array, jax.Array]:
    y_pred = as_float(place, y_pred)
    y_true = as_array(place, y_true, None)
    if y_true.shape != y_pred.shape or not y_pred.ndim:
        raise ShapeError(
            f"{place}: expected targets of the output's shape {y_pred.shape}, one number per "
            f"class, got {y_true.shape}. For class labels use 'sparse_{place}'."
        )
    return y_true, y_pred


@metrics.register("accuracy", "Accuracy")
class Accuracy(MeanMetricWrapper):
    """The share of outputs that equal their targets.

    In `compile`, "accuracy" picks the binary, categorical or sparse form by shapes instead.

    Args:
        name: for logs.
        dtype: as in Metric.

    Raises:
        ShapeError: for targets that do not fit the output.

    >>> import nnlib as nn
    >>> float(nn.metrics.Accuracy()([[1.0], [2.0]], [[1.0], [3.0]]))
    0.5
    """

    def __init__(self, name: str | None = "accuracy", dtype: Any = None):
        super().__init__(accuracy, name, dtype)


@metrics.register("binary_accuracy", "BinaryAccuracy")
class BinaryAccuracy(MeanMetricWrapper):
    """The share of outputs on the right side of a threshold; labels are 0 and 1.

    Args:
        name: for logs.
        dtype: as in Metric.
        threshold: outputs above it count as 1; 0.5 for probabilities, 0 for logits.

    Raises:
        ShapeError: for targets that do not fit the output.

    >>> import nnlib as nn
    >>> float(nn.metrics.BinaryAccuracy()([[1.0], [0.0]], [[0.9], [0.8]]))
    0.5
    """

    def __init__(
        self, name: str | None = "binary_accuracy", dtype: Any = None, threshold: float = 0.5
    ):
        if isinstance(threshold, bool) or not isinstance(threshold, int | float):
            raise ArgumentError(
                f"BinaryAccuracy: expected threshold to be a number, got {threshold!r}."
            )
        super().__init__(binary_accuracy, name, dtype, threshold=threshold)


@metrics.register("categorical_accuracy", "CategoricalAccuracy")
class CategoricalAccuracy(MeanMetricWrapper):
    """The share of samples whose largest output is at the one of a one-hot target.

    Args:
        name: for logs.
        dtype: as in Metric.

    Raises:
        ShapeError: for targets of another shape than the output.

    >>> import nnlib as nn
    >>> float(nn.metrics.CategoricalAccuracy()([[0.0, 1.0]], [[0.4, 0.6]]))
    1.0
    """

    def __init__(self, name: str | None = "categorical_accuracy", dtype: Any = None):
        super().__init__(categorical_accuracy, name, dtype)


@metrics.register("sparse_categorical_accuracy", "SparseCategoricalAccuracy")
class SparseCategoricalAccuracy(MeanMetricWrapper):
    """The share of samples whose largest output is at their label.

    Args:
        name: for logs.
        dtype: as in Metric.

    Raises:
        ShapeError: for labels that do not fit the output.

    >>> import nnlib as nn
    >>> float(nn.metrics.SparseCategoricalAccuracy()([1, 0], [[0.4, 0.6], [0.4, 0.6]]))
    0.5
    """

    def __init__(self, name: str | None = "sparse_categorical_accuracy", dtype: Any = None):
        super().__init__(sparse_categorical_accuracy, name, dtype)


@metrics.register("top_k_categorical_accuracy", "TopKCategoricalAccuracy")
class TopKCategoricalAccuracy(MeanMetricWrapper):
    """The share of samples whose class is among the k largest outputs; one-hot targets.

    Args:
        k: how many outputs to look at.
        name: for logs.
        dtype: as in Metric.

    Raises:
        ArgumentError: for k below 1.
        ShapeError: for targets of another shape than the output.

    >>> import nnlib as nn
    >>> float(nn.metrics.TopKCategoricalAccuracy(k=2)([[1.0, 0.0, 0.0]], [[0.3, 0.6, 0.1]]))
    1.0
    """

    def __init__(
        self, k: int = 5, name: str | None = "top_k_categorical_accuracy", dtype: Any = None
    ):
        k = _check_k("TopKCategoricalAccuracy", k)
        super().__init__(top_k_categorical_accuracy, name, dtype, k=k)


@metrics.register("sparse_top_k_categorical_accuracy", "SparseTopKCategoricalAccuracy")
class SparseTopKCategoricalAccuracy(MeanMetricWrapper):
    """The share of samples whose label is among the k largest outputs.

    Args:
        k: how many outputs to look at.
        name: for logs.
        dtype: as in Metric.
        from_sorted_ids: whether outputs are class numbers already, best first.

    Raises:
        ArgumentError: for k below 1.
        ShapeError: for labels that do not fit the output.

    >>> import nnlib as nn
    >>> float(nn.metrics.SparseTopKCategoricalAccuracy(k=2)([0], [[0.3, 0.6, 0.1]]))
    1.0
    """

    def __init__(
        self,
        k: int = 5,
        name: str | None = "sparse_top_k_categorical_accuracy",
        dtype: Any = None,
        from_sorted_ids: bool = False,
    ):
        k = _check_k("SparseTopKCategoricalAccuracy", k)
        super().__init__(
            sparse_top_k_categorical_accuracy, name, dtype, k=k, from_sorted_ids=from_sorted_ids
        )


def _check_k(metric: str, k: int) -> int:
    if isinstance(k, bool) or not isinstance(k, int) or k < 1:
        raise ArgumentError(f"{metric}: expected k to be an integer above 0, got {k!r}.")
    return k
