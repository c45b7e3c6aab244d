"""Counts of right and wrong answers: precision, recall, and the four counts themselves."""

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from nnlib.core.errors import ArgumentError
from nnlib.core.registries import metrics
from nnlib.losses.alignment import align_ranks, as_array, check_equal
from nnlib.losses.reduction import over_leading_axes
from nnlib.metrics.counting import KINDS, confusion_counts, safe_ratio
from nnlib.metrics.metric import Metric
from nnlib.metrics.reduction import add_to_total
from nnlib.metrics.scope import State


class ConfusionMetric(Metric):
    """The base of metrics over counts; `kinds` names those that a subclass keeps.

    A state holds, for each of them, the weighted count per threshold, with its rounding error.
    """

    kinds: tuple[str, ...] = KINDS

    def __init__(
        self,
        thresholds: float | Sequence[float] | None = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(name=name, dtype=dtype)
        self.thresholds = thresholds
        self.top_k = top_k
        self.class_id = class_id
        default = 0.5 if top_k is None else -jnp.inf
        given: Any = default if thresholds is None else thresholds
        self._values = [math.nan if t is None else float(t) for t in np.ravel(given)]
        self._check_arguments()

    def _check_arguments(self) -> None:
        place = type(self).__name__
        within = all(0 <= t <= 1 for t in self._values) and self._values
        if self.thresholds is not None and not within:
            raise ArgumentError(
                f"{place}: expected thresholds from 0 to 1, got {self.thresholds!r}. Outputs are "
                "probabilities here: end the model with a sigmoid or softmax."
            )
        if self.top_k is not None and self.top_k < 1:
            raise ArgumentError(f"{place}: expected top_k above 0, got {self.top_k!r}.")

    def init(self) -> State:
        return {kind: jnp.zeros((2, len(self._values)), jnp.float32) for kind in self.kinds}

    def update(self, state: State, y_true: Any, y_pred: Any, sample_weight: Any = None) -> State:
        """The state after another batch; targets other than 0 are positives."""
        y_true, y_pred, weights = aligned_counts(self, y_true, y_pred, sample_weight)
        if self.top_k is not None:
            y_pred = _only_top(y_pred, min(self.top_k, y_pred.shape[-1]))
        if self.class_id is not None:
            y_true, y_pred, weights = (
                one_class(self.name, a, self.class_id) for a in (y_true, y_pred, weights)
            )
        counts = confusion_counts(y_true.ravel(), y_pred.ravel(), weights.ravel(), self._values)
        return {kind: add_to_total(state[kind], counts[kind]) for kind in self.kinds}

    def _per_threshold(self, values: jax.Array) -> jax.Array:
        """One number for one threshold, else one per threshold."""
        return values[0] if len(self._values) == 1 else values


def aligned_counts(
    metric: Metric, y_true: Any, y_pred: Any, sample_weight: Any
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """(targets, outputs, weights), all of the output's shape."""
    y_pred = as_array(metric.name, y_pred, metric.dtype)
    y_true, y_pred = align_ranks(as_array(metric.name, y_true, metric.dtype), y_pred)
    check_equal(metric.name, y_true.shape, y_pred.shape)
    if sample_weight is None:
        return y_true, y_pred, jnp.ones(y_pred.shape, jnp.float32)
    given = jnp.asarray(sample_weight, jnp.float32)
    return y_true, y_pred, over_leading_axes(metric.name, "sample_weight", given, y_pred)


def one_class(place: str, array: jax.Array, class_id: int) -> jax.Array:
    """One class of the last axis."""
    classes = array.shape[-1]
    if not isinstance(class_id, int) or array.ndim < 2 or not 0 <= class_id < classes:
        raise ArgumentError(
            f"{place}: expected class_id from 0 to {classes - 1} for an output of "
            f"{classes} classes, got {class_id!r} for one of shape {array.shape}."
        )
    return array[..., class_id]


def _only_top(y_pred: jax.Array, k: int) -> jax.Array:
    """`y_pred` with -inf for all but the k largest of the last axis."""
    indices = jax.lax.top_k(y_pred, k)[1]
    kept = jnp.sum(jax.nn.one_hot(indices, y_pred.shape[-1], dtype=jnp.int32), axis=-2) > 0
    return jnp.where(kept, y_pred, -jnp.inf)


def share(state: State, part: str, rest: str) -> jax.Array:
    """`part / (part + rest)` of two counts; 0 where both are 0."""
    top = state[part].sum(axis=0)
    return safe_ratio(top, top + state[rest].sum(axis=0))


@metrics.register("precision", "Precision")
class Precision(ConfusionMetric):
    """`true positives / (true positives + false positives)`: how much of what is said is so.

    Args:
        thresholds: outputs above it are positives; one for a number, several for an array.
            None for 0.5, or with top_k for no threshold.
        top_k: count only the k largest outputs of a sample as positives.
        class_id: look at one class only.
        name: for logs; None for "precision".
        dtype: as in Metric.

    Raises:
        ArgumentError: for thresholds outside of [0, 1] and classes that are not there.
        ShapeError: for targets of another shape than the output.

    >>> import nnlib as nn
    >>> float(nn.metrics.Precision()([0, 1, 1, 1], [0.9, 0.2, 0.8, 0.7])) # two of three
    0.6666666865348816

    Source: van Rijsbergen, Information Retrieval, 1979.
    """

    kinds = ("true_positives", "false_positives")

    def compute(self, state: State) -> jax.Array:
        return self._per_threshold(share(state, "true_positives", "false_positives"))


@metrics.register("recall", "Recall")
class Recall(ConfusionMetric):
    """`true positives / (true positives + false negatives)`: how much of what is so is said.

    Args:
        thresholds: outputs above it are positives; one for a number, several for an array.
            None for 0.5, or with top_k for no threshold.
        top_k: count only the k largest outputs of a sample as positives.
        class_id: look at one class only.
        name: for logs; None for "recall".
        dtype: as in Metric.

    Raises:
        ArgumentError: for thresholds outside of [0, 1] and classes that are not there.
        ShapeError: for targets of another shape than the output.

    >>> import nnlib as nn
    >>> float(nn.metrics.Recall()([0, 1, 1, 1], [0.9, 0.2, 0.8, 0.7])) # two of three
    0.6666666865348816

    Source: van Rijsbergen, Information Retrieval, 1979.
    """

    kinds = ("true_positives", "false_negatives")

    def compute(self, state: State) -> jax.Array:
        return self._per_threshold(share(state, "true_positives", "false_negatives"))


def _count_class(class_name: str, kind: str, what: str) -> type[ConfusionMetric]:
    """The metric of one count: `TruePositives(thresholds, name, dtype)`."""

    def init(
        self: ConfusionMetric,
        thresholds: float | Sequence[float] | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        ConfusionMetric.__init__(self, thresholds, None, None, name, dtype)

    def compute(self: ConfusionMetric, state: State) -> jax.Array:
        return self._per_threshold(state[kind].sum(axis=0))

    doc = f"""How many {what}.

    Args:
        thresholds: outputs above it are positives; None for 0.5, several for an array.
        name: for logs.
        dtype: as in Metric.

    Raises:
        ArgumentError: for thresholds outside of [0, 1].
        ShapeError: for targets of another shape than the output.

    >>> import nnlib as nn
    >>> float(nn.metrics.{class_name}()([0, 1, 0, 1], [0.9, 0.2, 0.1, 0.7]))
    1.0
    """
    body = {
        "__init__": init,
        "compute": compute,
        "kinds": (kind,),
        "__doc__": doc,
        "__module__": __name__,
    }
    made = type(class_name, (ConfusionMetric,), body)
    return metrics.register(kind, class_name)(made)


TruePositives = _count_class("TruePositives", "true_positives", "positives are said to be")
FalsePositives = _count_class("FalsePositives", "false_positives", "negatives are said positive")
TrueNegatives = _count_class("TrueNegatives", "true_negatives", "negatives are said to be")
FalseNegatives = _count_class("FalseNegatives", "false_negatives", "positives are said negative")
