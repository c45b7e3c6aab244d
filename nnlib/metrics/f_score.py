"""F-scores: precision and recall in one number."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from nnlib.core.errors import ArgumentError, NotBuiltError, ShapeError
from nnlib.core.registries import metrics
from nnlib.core.settings import epsilon
from nnlib.losses.alignment import as_array
from nnlib.losses.reduction import over_leading_axes
from nnlib.metrics.metric import Metric
from nnlib.metrics.reduction import add_to_total
from nnlib.metrics.scope import State

_AVERAGES = (None, "micro", "macro", "weighted")
_COUNTS = ("true_positives", "false_positives", "false_negatives", "intermediate_weights")


@metrics.register("f_beta_score", "FBetaScore", "fbeta_score")
class FBetaScore(Metric):
    r"""`(1 + beta**2) P R / (beta**2 P + R)` of precision P and recall R.

    Args:
        average: None for one score per class, "macro" for their mean, "weighted" for their mean
            by how often a class occurs, "micro" for the score of all counts together.
        beta: how many times recall matters more than precision, above 0.
        threshold: outputs above it are positives, from 0 to 1; None for the largest output alone.
        name: for logs.
        dtype: as in Metric.

    Input shape:
        y_true and y_pred (batch, classes), targets of 0 and 1; sample_weight (batch,).

    Raises:
        ArgumentError: for an unknown average, and for numbers out of range.
        ShapeError: for arrays of another rank or of different shapes.

    >>> import nnlib as nn
    >>> metric = nn.metrics.FBetaScore(beta=2.0, threshold=0.5)
    >>> y_true = [[1.0, 1.0, 1.0], [1.0, 0.0, 0.0], [1.0, 1.0, 0.0]]
    >>> y_pred = [[0.2, 0.6, 0.7], [0.2, 0.6, 0.6], [0.6, 0.8, 0.0]]
    >>> [round(score, 4) for score in metric(y_true, y_pred).tolist()]
    [0.3846, 0.9091, 0.8333]

    Source: van Rijsbergen, Information Retrieval, 1979.
    """

    shaped_by_data = True

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str | None = "fbeta_score",
        dtype: Any = None,
    ):
        super().__init__(name=name, dtype=dtype)
        place = type(self).__name__
        if average not in _AVERAGES:
            raise ArgumentError(
                f"{place}: expected average as one of {_AVERAGES}, got {average!r}."
            )
        if isinstance(beta, bool) or not isinstance(beta, int | float) or not beta > 0:
            raise ArgumentError(f"{place}: expected beta above 0, got {beta!r}.")
        number = isinstance(threshold, int | float) and not isinstance(threshold, bool)
        if threshold is not None and not (number and 0 < threshold <= 1):
            raise ArgumentError(
                f"{place}: expected threshold above 0 and up to 1, or None, got {threshold!r}."
            )
        self.average = average
        self.beta = beta
        self.threshold = threshold
        self._classes: int | None = None

    def prepare(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Note how many classes there are."""
        self._classes = self._class_count(y_true, y_pred)

    def _class_count(self, y_true: Any, y_pred: Any) -> int:
        shape = np.shape(y_pred)
        if len(shape) != 2 or np.shape(y_true) != shape:
            raise ShapeError(
                f"{self.name}: expected targets and outputs of one shape (batch, classes), got "
                f"{np.shape(y_true)} and {shape}. For class numbers make them with to_categorical."
            )
        return shape[1]

    def init(self) -> State:
        if self._classes is None:
            return {}
        shape = (2,) if self.average == "micro" else (2, self._classes)
        return {count: jnp.zeros(shape, jnp.float32) for count in _COUNTS}

    def update(self, state: State, y_true: Any, y_pred: Any, sample_weight: Any = None) -> State:
        """The state after another batch."""
        self._class_count(y_true, y_pred)
        y_true = as_array(self.name, y_true, self.dtype)
        said = self._said(as_array(self.name, y_pred, self.dtype)).astype(self.dtype)
        weights = jnp.ones(said.shape, self.dtype)
        if sample_weight is not None:
            given = jnp.asarray(sample_weight, self.dtype)
            weights = over_leading_axes(self.name, "sample_weight", given, said)
            y_true = jnp.where(weights == 0, 0, y_true)
        terms = {
            "true_positives": said * y_true,
            "false_positives": said * (1 - y_true),
            "false_negatives": (1 - said) * y_true,
            "intermediate_weights": y_true,
        }
        axis = None if self.average == "micro" else 0
        sums = {count: jnp.sum(weights * term, axis=axis) for count, term in terms.items()}
        return {count: add_to_total(state[count], sums[count]) for count in _COUNTS}

    def _said(self, y_pred: jax.Array) -> jax.Array:
        """Which classes the output names."""
        if self.threshold is not None:
            return y_pred > self.threshold
        largest = jnp.max(y_pred, axis=-1, keepdims=True)
        return (y_pred >= largest) & (jnp.abs(y_pred) > 1e-9)  # a row of zeros names none

    def compute(self, state: State) -> jax.Array:
        if not state:
            raise NotBuiltError(
                f"{self.name}: expected a batch before the result, got none: the number of classes "
                "is not known yet."
            )
        hits, extra, missed, occurs = (state[count].sum(axis=0) for count in _COUNTS)
        small, square = epsilon(), self.beta**2
        precision, recall = hits / (hits + extra + small), hits / (hits + missed + small)
        scores = (1 + square) * precision * recall / (square * precision + recall + small)
        if self.average == "weighted":
            return jnp.sum(scores * (occurs / (jnp.sum(occurs) + small)))
        return scores if self.average is None else jnp.mean(scores)


@metrics.register("f1_score", "F1Score")
class F1Score(FBetaScore):
    """`2 P R / (P + R)`: the harmonic mean of precision and recall.

    Args:
        average: as in FBetaScore.
        threshold: as in FBetaScore.
        name: for logs.
        dtype: as in Metric.

    Raises:
        ArgumentError: for an unknown average, and for a threshold out of range.
        ShapeError: for arrays of another rank or of different shapes.

    >>> import nnlib as nn
    >>> metric = nn.metrics.F1Score(average="micro", threshold=0.5)
    >>> round(float(metric([[1.0, 1.0], [1.0, 0.0]], [[0.2, 0.6], [0.7, 0.6]])), 4)
    0.6667

    Source: van Rijsbergen, Information Retrieval, 1979.
    """

    def __init__(
        self,
        average: str | None = None,
        threshold: float | None = None,
        name: str | None = "f1_score",
        dtype: Any = None,
    ):
        super().__init__(average, 1.0, threshold, name, dtype)
