"""AUC: the area under a curve of rates over all thresholds."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from nnlib.core.errors import ArgumentError, NotBuiltError, ShapeError
from nnlib.core.registries import metrics
from nnlib.core.settings import epsilon
from nnlib.losses.alignment import as_array
from nnlib.metrics.confusion import aligned_counts
from nnlib.metrics.counting import KINDS, confusion_counts, safe_ratio
from nnlib.metrics.metric import Metric
from nnlib.metrics.reduction import add_to_total
from nnlib.metrics.scope import State

_CURVES = ("ROC", "PR", "PRGAIN")
_SUMMATIONS = ("interpolation", "minoring", "majoring")


@metrics.register("auc", "AUC")
class AUC(Metric):
    r"""The area under the ROC curve, or that of precision over recall.

    A curve has a point per threshold; it is counted, not sorted, so a state is as small after a
    million samples as after one. 0.5 is chance for ROC, 1 is best.

    Args:
        num_thresholds: how many, evenly from 0 to 1 (a little beyond at both ends); at least 2.
        curve: "ROC" (recall over false positives' rate), "PR" (precision over recall) or
            "PRGAIN" (both rescaled so that always saying yes gives 0).
        summation_method: "interpolation" joins points by trapezoids (for PR by the curve that
            counts would follow), "minoring" takes the lower side of each step, "majoring" the
            upper.
        name: for logs.
        dtype: as in Metric.
        thresholds: these, from 0 to 1, instead of num_thresholds; the ends are added.
        multi_label: whether outputs are (batch, labels) and the area is taken for each label, then
            averaged; else all are one pile.
        num_labels: with multi_label, how many; None to see it in the first batch.
        label_weights: a number for each label: with multi_label the weights of the average, else
            those of the samples.
        from_logits: whether outputs are logits, and a sigmoid comes first.

    Input shape:
        y_true and y_pred (batch, ...) of one shape; targets other than 0 are positives.

    Raises:
        ArgumentError: for unknown names, thresholds outside of 0 to 1, or num_labels without
            multi_label.
        ShapeError: for targets of another shape than the output, and for labels that
            label_weights do not fit.

    >>> import nnlib as nn
    >>> metric = nn.metrics.AUC(num_thresholds=3)
    >>> float(metric([0, 0, 1, 1], [0.0, 0.5, 0.3, 0.9]))
    0.75

    Source: Fawcett, Pattern Recognition Letters 27, 2006; Davis & Goadrich, ICML 2006 (PR).
    """

    shaped_by_data = True

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: Any = None,
        thresholds: Sequence[float] | None = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Sequence[float] | None = None,
        from_logits: bool = False,
    ):
        super().__init__(name=name, dtype=dtype)
        self.curve = _one_of("curve", curve, _CURVES, str.upper)
        self.summation_method = _one_of(
            "summation_method", summation_method, _SUMMATIONS, str.lower
        )
        inner = _inner_thresholds(num_thresholds, thresholds)
        self.num_thresholds = len(inner) + 2
        self.thresholds = [-epsilon(), *inner, 1.0 + epsilon()]
        if num_labels is not None and not multi_label:
            raise ArgumentError(
                f"AUC: expected num_labels with multi_label=True only, got num_labels={num_labels}."
            )
        self.multi_label = multi_label
        self.num_labels = num_labels
        self._labels = num_labels
        self.label_weights = None if label_weights is None else np.ravel(label_weights).tolist()
        self.from_logits = bool(from_logits)

    def prepare(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Note how many labels there are."""
        if self.multi_label and self._labels is None:
            self._labels = self._label_count(np.shape(y_pred))

    def _label_count(self, shape: tuple[int, ...]) -> int:
        if len(shape) != 2:
            raise ShapeError(
                f"{self.name}: expected an output of shape (batch, labels) for multi_label, "
                f"got {shape}."
            )
        return shape[1]

    def init(self) -> State:
        if self.multi_label and self._labels is None:
            return {}
        labels = (self._labels,) if self.multi_label else ()
        shape = (2, self.num_thresholds, *labels)
        return {kind: jnp.zeros(shape, jnp.float32) for kind in KINDS}

    def update(self, state: State, y_true: Any, y_pred: Any, sample_weight: Any = None) -> State:
        """The state after another batch."""
        if self.from_logits:
            y_pred = jax.nn.sigmoid(as_array(self.name, y_pred, self.dtype))
        y_true, y_pred, weights = aligned_counts(self, y_true, y_pred, sample_weight)
        if self.multi_label:
            counts = self._counts_by_label(y_true, y_pred, weights)
        else:
            if self.label_weights is not None:
                weights = weights * self._label_weights(y_pred.shape)
            counts = confusion_counts(
                y_true.ravel(), y_pred.ravel(), weights.ravel(), self.thresholds
            )
        return {kind: add_to_total(state[kind], counts[kind]) for kind in KINDS}

    def _counts_by_label(
        self, y_true: jax.Array, y_pred: jax.Array, weights: jax.Array
    ) -> dict[str, jax.Array]:
        """The counts of each label, (thresholds, labels)."""
        if (labels := self._label_count(y_pred.shape)) != self._labels:
            raise ShapeError(f"{self.name}: expected {self._labels} labels, got {labels}.")
        self._label_weights(y_pred.shape)
        each = jax.vmap(
            lambda t, p, w: confusion_counts(t, p, w, self.thresholds), in_axes=1, out_axes=1
        )
        counts: dict[str, jax.Array] = each(y_true, y_pred, weights)
        return counts

    def _label_weights(self, shape: tuple[int, ...]) -> jax.Array:
        """The weights of the labels, of the rank of an output."""
        given = [1.0] if self.label_weights is None else self.label_weights
        if self.label_weights is not None and len(given) != shape[-1]:
            raise ShapeError(
                f"{self.name}: expected a label weight for each of {shape[-1]} labels, "
                f"got {len(given)}."
            )
        return jnp.asarray(given, jnp.float32).reshape((1,) * (len(shape) - 1) + (-1,))

    def compute(self, state: State) -> jax.Array:
        if not state:
            raise NotBuiltError(
                f"{self.name}: expected a batch before the result, got none: the number of labels "
                "is not known yet. Pass num_labels=."
            )
        counts = {kind: total.sum(axis=0) for kind, total in state.items()}
        areas = area_under(self.curve, self.summation_method, counts)
        if not self.multi_label:
            return areas
        if self.label_weights is None:
            return jnp.mean(areas)
        weights = jnp.asarray(self.label_weights, jnp.float32)
        return safe_ratio(jnp.sum(areas * weights), jnp.sum(weights))


def _one_of(argument: str, value: str, allowed: tuple[str, ...], spelling: Any) -> str:
    if not isinstance(value, str) or spelling(value) not in allowed:
        raise ArgumentError(f"AUC: expected {argument} as one of {allowed}, got {value!r}.")
    name: str = spelling(value)
    return name


def _inner_thresholds(count: int, given: Sequence[float] | None) -> list[float]:
    """The thresholds between both ends, ascending."""
    if given is None:
        if isinstance(count, bool) or not isinstance(count, int) or count < 2:
            raise ArgumentError(f"AUC: expected num_thresholds of 2 or more, got {count!r}.")
        return [float(t) for t in np.linspace(0.0, 1.0, count)[1:-1]]
    inner = sorted(float(t) for t in np.ravel(given))
    if not all(0 <= t <= 1 for t in inner):
        raise ArgumentError(f"AUC: expected thresholds from 0 to 1, got {given!r}.")
    return inner


def area_under(curve: str, summation: str, counts: dict[str, jax.Array]) -> jax.Array:
    """The area under a curve with a point per threshold, (thresholds, ...) -> (...)."""
    if (curve, summation) == ("PR", "interpolation"):
        return _area_between_counts(counts)
    x, y = _POINTS[curve](*(counts[kind] for kind in KINDS))
    heights = {
        "interpolation": (y[:-1] + y[1:]) / 2.0,
        "minoring": jnp.minimum(y[:-1], y[1:]),
        "majoring": jnp.maximum(y[:-1], y[1:]),
    }[summation]
    return jnp.sum((x[:-1] - x[1:]) * heights, axis=0)


def _roc(tp: jax.Array, fp: jax.Array, tn: jax.Array, fn: jax.Array) -> tuple[jax.Array, jax.Array]:
    return safe_ratio(fp, fp + tn), safe_ratio(tp, tp + fn)


def _precision_recall(
    tp: jax.Array, fp: jax.Array, tn: jax.Array, fn: jax.Array
) -> tuple[jax.Array, jax.Array]:
    return safe_ratio(tp, tp + fn), safe_ratio(tp, tp + fp)


def _gains(
    tp: jax.Array, fp: jax.Array, tn: jax.Array, fn: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Flach & Kull, NeurIPS 2015: 0 for always yes; recall's gain is cut off below 0."""
    odds = safe_ratio(tp + fn, tn + fp)
    recall = jnp.where(tp == 0, 0.0, 1.0 - odds * safe_ratio(fn, tp))
    precision = jnp.where(tp == 0, 1.0, 1.0 - odds * safe_ratio(fp, tp))
    return jnp.maximum(recall, 0.0), precision


_POINTS = {"ROC": _roc, "PR": _precision_recall, "PRGAIN": _gains}


def _area_between_counts(counts: dict[str, jax.Array]) -> jax.Array:
    """Precision over recall, with true positives linear in all positives between two points.

    There precision is `slope + intercept / p`, so the area is
    `slope (dTP + intercept log(p_high / p_low)) / positives` (Davis & Goadrich 2006, section 4).
    """
    tp, said = counts["true_positives"], counts["true_positives"] + counts["false_positives"]
    high, low = said[:-1], said[1:]  # thresholds rise, counts fall
    rise = tp[:-1] - tp[1:]
    slope = safe_ratio(rise, jnp.maximum(high - low, 0))
    intercept = tp[1:] - slope * low
    logs = jnp.log(jnp.where((high > 0) & (low > 0), safe_ratio(high, low), 1.0))
    positives = tp[1:] + counts["false_negatives"][1:]
    return jnp.sum(safe_ratio(slope * (rise + intercept * logs), positives), axis=0)
