"""R2: how much of the targets' variance an output explains."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from nnlib.core.errors import ArgumentError, NotBuiltError, ShapeError
from nnlib.core.registries import metrics
from nnlib.losses.alignment import align_ranks, as_array
from nnlib.losses.reduction import over_leading_axes
from nnlib.metrics.metric import Metric
from nnlib.metrics.reduction import add_to_total, zero_total
from nnlib.metrics.scope import State

_AGGREGATIONS = (None, "uniform_average", "variance_weighted_average")
_SUMS = ("squared_sum", "sum", "residual", "count")


@metrics.register("r2_score", "R2Score")
class R2Score(Metric):
    r"""`1 - sum((y - p)**2) / sum((y - mean(y))**2)`, for each output: 1 is best, 0 is the mean.

    Args:
        class_aggregation: "uniform_average" over the outputs, "variance_weighted_average" by the
            variance of the targets, or None for one score per output.
        num_regressors: how many inputs a linear model has, to adjust the score to
            `1 - (1 - R2)(n - 1) / (n - num_regressors - 1)`; 0 leaves it as it is. Values are
            counted (rows times outputs), as Keras does; with too few of them the score stays
            unadjusted.
        name: for logs.
        dtype: as in Metric.

    Input shape:
        y_true and y_pred (batch, outputs); sample_weight (batch,).

    Raises:
        ArgumentError: for an unknown aggregation and a negative num_regressors.
        ShapeError: for arrays of another rank or of different shapes.

    >>> import nnlib as nn
    >>> metric = nn.metrics.R2Score()
    >>> round(float(metric([[1.0], [4.0], [3.0]], [[2.0], [4.0], [4.0]])), 4)
    0.5714

    Source: Wright, J. Agric. Research 20, 1921.
    """

    shaped_by_data = True

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str | None = "r2_score",
        dtype: Any = None,
    ):
        super().__init__(name=name, dtype=dtype)
        if class_aggregation not in _AGGREGATIONS:
            raise ArgumentError(
                f"R2Score: expected class_aggregation as one of {_AGGREGATIONS}, "
                f"got {class_aggregation!r}."
            )
        if num_regressors < 0:
            raise ArgumentError(
                f"R2Score: expected num_regressors of 0 or more, got {num_regressors!r}."
            )
        self.class_aggregation = class_aggregation
        self.num_regressors = num_regressors
        self._outputs: int | None = None

    def prepare(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Note how many outputs there are."""
        self._outputs = self._output_count(y_true, y_pred)

    def _output_count(self, y_true: Any, y_pred: Any) -> int:
        shape, given = np.shape(y_pred), np.shape(y_true)
        if len(given) == len(shape) - 1 and shape[-1:] == (1,):
            given = (*given, 1)
        elif len(shape) == len(given) - 1 and given[-1:] == (1,):
            shape = (*shape, 1)
        if len(shape) != 2 or given != shape:
            raise ShapeError(
                f"{self.name}: expected targets and outputs of one shape (batch, outputs), got "
                f"{np.shape(y_true)} and {np.shape(y_pred)}."
            )
        return shape[1]

    def init(self) -> State:
        if self._outputs is None:
            return {}
        sums = {name: jnp.zeros((2, self._outputs), jnp.float32) for name in _SUMS}
        return {**sums, "num_samples": zero_total()}

    def update(self, state: State, y_true: Any, y_pred: Any, sample_weight: Any = None) -> State:
        """The state after another batch."""
        self._output_count(y_true, y_pred)
        y_true, y_pred = align_ranks(
            as_array(self.name, y_true, self.dtype), as_array(self.name, y_pred, self.dtype)
        )
        weights, values = jnp.ones(y_true.shape, self.dtype), jnp.float32(y_true.size)
        if sample_weight is not None:
            given = jnp.asarray(sample_weight, self.dtype)
            weights = over_leading_axes(self.name, "sample_weight", given, y_true)
            y_true, y_pred = (jnp.where(weights == 0, 0, a) for a in (y_true, y_pred))
            values = jnp.sum(weights != 0, dtype=jnp.float32)
        terms = {
            "squared_sum": weights * y_true**2,
            "sum": weights * y_true,
            "residual": weights * (y_true - y_pred) ** 2,
            "count": weights,
        }
        new = {name: add_to_total(state[name], jnp.sum(terms[name], axis=0)) for name in _SUMS}
        return {**new, "num_samples": add_to_total(state["num_samples"], values)}

    def compute(self, state: State) -> jax.Array:
        if not state:
            raise NotBuiltError(
                f"{self.name}: expected a batch before the result, got none: the number of outputs "
                "is not known yet."
            )
        squares, total, residual, count = (state[name].sum(axis=0) for name in _SUMS)
        variance = squares - total * (total / count)
        scores = 1.0 - residual / variance
        scores = jnp.where(jnp.isinf(scores), 0.0, scores)  # targets that do not vary
        if self.class_aggregation == "uniform_average":
            scores = jnp.mean(scores)
        elif self.class_aggregation == "variance_weighted_average":
            scores = jnp.sum(variance * scores) / jnp.sum(variance)
        return self._adjusted(scores, state["num_samples"].sum())

    def _adjusted(self, scores: jax.Array, samples: jax.Array) -> jax.Array:
        if not self.num_regressors:
            return scores
        spare = samples - self.num_regressors - 1
        adjusted = 1.0 - (1.0 - scores) * (samples - 1) / jnp.where(spare == 0, 1, spare)
        return jnp.where(spare > 0, adjusted, scores)
