"""The best of one rate while another keeps a promise: sensitivity, specificity, and the like."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from nnlib.core.errors import ArgumentError
from nnlib.core.registries import metrics
from nnlib.metrics.confusion import aligned_counts, one_class, share
from nnlib.metrics.counting import KINDS, confusion_counts
from nnlib.metrics.metric import Metric
from nnlib.metrics.reduction import add_to_total
from nnlib.metrics.scope import State

# rate -> (what counts for it, what counts against it)
_RATES = {
    "sensitivity": ("true_positives", "false_negatives"),
    "recall": ("true_positives", "false_negatives"),
    "specificity": ("true_negatives", "false_positives"),
    "precision": ("true_positives", "false_positives"),
}


class _BestRate(Metric):
    """The largest `wanted` rate over all thresholds where the rate `promised` is `value` or more.

    0 where no threshold keeps the promise.
    """

    wanted = ""
    promised = ""

    def __init__(
        self,
        value: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(name=name, dtype=dtype)
        place = type(self).__name__
        if not 0 <= value <= 1:
            raise ArgumentError(f"{place}: expected {self.promised} from 0 to 1, got {value!r}.")
        if isinstance(num_thresholds, bool) or not isinstance(num_thresholds, int):
            raise ArgumentError(
                f"{place}: expected a whole num_thresholds, got {num_thresholds!r}."
            )
        if num_thresholds < 1:
            raise ArgumentError(f"{place}: expected num_thresholds above 0, got {num_thresholds}.")
        self.value = value
        self.num_thresholds = num_thresholds
        self.class_id = class_id
        even = np.linspace(0.0, 1.0, num_thresholds)
        self.thresholds = [0.5] if num_thresholds == 1 else even.tolist()

    def init(self) -> State:
        return {kind: jnp.zeros((2, len(self.thresholds)), jnp.float32) for kind in KINDS}

    def update(self, state: State, y_true: Any, y_pred: Any, sample_weight: Any = None) -> State:
        """The state after another batch; targets other than 0 are positives."""
        y_true, y_pred, weights = aligned_counts(self, y_true, y_pred, sample_weight)
        if self.class_id is not None:
            y_true, y_pred, weights = (
                one_class(self.name, a, self.class_id) for a in (y_true, y_pred, weights)
            )
        counts = confusion_counts(y_true.ravel(), y_pred.ravel(), weights.ravel(), self.thresholds)
        return {kind: add_to_total(state[kind], counts[kind]) for kind in KINDS}

    def compute(self, state: State) -> jax.Array:
        kept = share(state, *_RATES[self.promised]) >= self.value
        return jnp.max(jnp.where(kept, share(state, *_RATES[self.wanted]), 0.0))


@metrics.register("sensitivity_at_specificity", "SensitivityAtSpecificity")
class SensitivityAtSpecificity(_BestRate):
    """The best `TP / (TP + FN)` among the thresholds where `TN / (TN + FP)` is high enough.

    0 where no threshold is.

    Args:
        specificity: what `TN / (TN + FP)` must at least be, from 0 to 1.
        num_thresholds: how many thresholds to try, evenly from 0 to 1; a single one is 0.5.
        class_id: look at one class of the last axis only.
        name: for logs; None for the class name in snake_case.
        dtype: as in Metric.

    Raises:
        ArgumentError: for numbers out of range and classes that are not there.
        ShapeError: for targets of another shape than the output.

    >>> import nnlib as nn
    >>> metric = nn.metrics.SensitivityAtSpecificity(0.5)
    >>> float(metric([0, 0, 0, 1, 1], [0.0, 0.3, 0.8, 0.3, 0.8]))
    0.5

    Source: Fawcett, Pattern Recognition Letters 27, 2006.
    """

    wanted, promised = "sensitivity", "specificity"

    def __init__(
        self,
        specificity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(specificity, num_thresholds, class_id, name, dtype)
        self.specificity = specificity


@metrics.register("specificity_at_sensitivity", "SpecificityAtSensitivity")
class SpecificityAtSensitivity(_BestRate):
    """The best `TN / (TN + FP)` among the thresholds where `TP / (TP + FN)` is high enough.

    0 where no threshold is.

    Args:
        sensitivity: what `TP / (TP + FN)` must at least be, from 0 to 1.
        num_thresholds: how many thresholds to try, evenly from 0 to 1; a single one is 0.5.
        class_id: look at one class of the last axis only.
        name: for logs; None for the class name in snake_case.
        dtype: as in Metric.

    Raises:
        ArgumentError: for numbers out of range and classes that are not there.
        ShapeError: for targets of another shape than the output.

    >>> import nnlib as nn
    >>> metric = nn.metrics.SpecificityAtSensitivity(0.5)
    >>> round(float(metric([0, 0, 0, 1, 1], [0.0, 0.3, 0.8, 0.3, 0.8])), 4)
    0.6667

    Source: Fawcett, Pattern Recognition Letters 27, 2006.
    """

    wanted, promised = "specificity", "sensitivity"

    def __init__(
        self,
        sensitivity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(sensitivity, num_thresholds, class_id, name, dtype)
        self.sensitivity = sensitivity


@metrics.register("precision_at_recall", "PrecisionAtRecall")
class PrecisionAtRecall(_BestRate):
    """The best `TP / (TP + FP)` among the thresholds where `TP / (TP + FN)` is high enough.

    0 where no threshold is.

    Args:
        recall: what `TP / (TP + FN)` must at least be, from 0 to 1.
        num_thresholds: how many thresholds to try, evenly from 0 to 1; a single one is 0.5.
        class_id: look at one class of the last axis only.
        name: for logs; None for the class name in snake_case.
        dtype: as in Metric.

    Raises:
        ArgumentError: for numbers out of range and classes that are not there.
        ShapeError: for targets of another shape than the output.

    >>> import nnlib as nn
    >>> metric = nn.metrics.PrecisionAtRecall(0.5)
    >>> float(metric([0, 0, 0, 1, 1], [0.0, 0.3, 0.8, 0.3, 0.8]))
    0.5

    Source: van Rijsbergen, Information Retrieval, 1979.
    """

    wanted, promised = "precision", "recall"

    def __init__(
        self,
        recall: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(recall, num_thresholds, class_id, name, dtype)
        self.recall = recall


@metrics.register("recall_at_precision", "RecallAtPrecision")
class RecallAtPrecision(_BestRate):
    """The best `TP / (TP + FN)` among the thresholds where `TP / (TP + FP)` is high enough.

    0 where no threshold is.

    Args:
        precision: what `TP / (TP + FP)` must at least be, from 0 to 1.
        num_thresholds: how many thresholds to try, evenly from 0 to 1; a single one is 0.5.
        class_id: look at one class of the last axis only.
        name: for logs; None for the class name in snake_case.
        dtype: as in Metric.

    Raises:
        ArgumentError: for numbers out of range and classes that are not there.
        ShapeError: for targets of another shape than the output.

    >>> import nnlib as nn
    >>> metric = nn.metrics.RecallAtPrecision(0.8)
    >>> float(metric([0, 0, 1, 1], [0.0, 0.5, 0.3, 0.9]))
    0.5

    Source: van Rijsbergen, Information Retrieval, 1979.
    """

    wanted, promised = "recall", "precision"

    def __init__(
        self,
        precision: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(precision, num_thresholds, class_id, name, dtype)
        self.precision = precision
