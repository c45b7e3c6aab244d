"""Losses, averaged as metrics: the same functions, over all batches of an epoch."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from nnlib.core.registries import metrics
from nnlib.losses.crossentropy import (
    binary_crossentropy,
    categorical_crossentropy,
    sparse_categorical_crossentropy,
    sparse_labels,
)
from nnlib.losses.hinge import categorical_hinge, hinge, squared_hinge
from nnlib.losses.reduction import over_leading_axes
from nnlib.losses.regression import (
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    poisson,
)
from nnlib.losses.similarity import cosine_similarity, kl_divergence
from nnlib.metrics.reduction import MeanMetricWrapper, ratio
from nnlib.metrics.scope import State


def _metric_class(
    class_name: str, function: Callable[..., jax.Array], *aliases: str, name: str | None = None
) -> type[MeanMetricWrapper]:
    """The mean of a loss without arguments: `MeanSquaredError(name, dtype)`."""
    default_name = name or function.__name__

    def init(self: MeanMetricWrapper, name: str | None = default_name, dtype: Any = None) -> None:
        MeanMetricWrapper.__init__(self, function, name, dtype)

    summary = (function.__doc__ or "").partition("\n")[0]
    doc = f"""{summary} Averaged over all samples.

    Args:
        name: for logs.
        dtype: as in Metric.

    Raises:
        ShapeError: for targets that do not fit the output.

    >>> import nnlib as nn
    >>> nn.metrics.{class_name}()([[0.0], [1.0]], [[0.0], [1.0]]).shape
    ()
    """
    body = {"__init__": init, "__doc__": doc, "__module__": __name__}
    made = type(class_name, (MeanMetricWrapper,), body)
    return metrics.register(default_name, class_name, *aliases)(made)


MeanSquaredError = _metric_class("MeanSquaredError", mean_squared_error, "mse", "MSE")
MeanAbsoluteError = _metric_class("MeanAbsoluteError", mean_absolute_error, "mae", "MAE")
MeanAbsolutePercentageError = _metric_class(
    "MeanAbsolutePercentageError", mean_absolute_percentage_error, "mape", "MAPE"
)
MeanSquaredLogarithmicError = _metric_class(
    "MeanSquaredLogarithmicError", mean_squared_logarithmic_error, "msle", "MSLE"
)
LogCoshError = _metric_class("LogCoshError", log_cosh, "log_cosh_error", name="logcosh")
Poisson = _metric_class("Poisson", poisson)
KLDivergence = _metric_class("KLDivergence", kl_divergence)
Hinge = _metric_class("Hinge", hinge)
SquaredHinge = _metric_class("SquaredHinge", squared_hinge)
CategoricalHinge = _metric_class("CategoricalHinge", categorical_hinge)


@metrics.register("root_mean_squared_error", "RootMeanSquaredError")
class RootMeanSquaredError(MeanMetricWrapper):
    """`sqrt(mean((y - p)**2))` over all samples, in the unit of the targets.

    Args:
        name: for logs.
        dtype: as in Metric.

    Raises:
        ShapeError: for targets that do not fit the output.

    >>> import nnlib as nn
    >>> float(nn.metrics.RootMeanSquaredError()([[0.0], [0.0]], [[2.0], [2.0]]))
    2.0
    """

    def __init__(self, name: str | None = "root_mean_squared_error", dtype: Any = None):
        super().__init__(mean_squared_error, name, dtype)

    def compute(self, state: State) -> jax.Array:
        return jnp.sqrt(ratio(state["total"], state["count"]))


def cosine(y_true: Any, y_pred: Any, axis: int = -1) -> jax.Array:
    """The cosine of the angle between vectors: 1 for equal directions (the loss is its negative).

    >>> cosine([[0.0, 1.0]], [[0.0, 2.0]]).tolist()
    [1.0]
    """
    return -cosine_similarity(y_true, y_pred, axis)


@metrics.register("cosine_similarity", "CosineSimilarity")
class CosineSimilarity(MeanMetricWrapper):
    """The mean cosine of the angle between targets and outputs; unlike the loss, 1 is best.

    Args:
        name: for logs.
        dtype: as in Metric.
        axis: of the vectors.

    Raises:
        ShapeError: for targets that do not fit the output.

    >>> import nnlib as nn
    >>> float(nn.metrics.CosineSimilarity()([[0.0, 1.0]], [[0.0, 2.0]]))
    1.0
    """

    def __init__(self, name: str | None = "cosine_similarity", dtype: Any = None, axis: int = -1):
        super().__init__(cosine, name, dtype, axis=axis)


@metrics.register("binary_crossentropy", "BinaryCrossentropy", "bce", "BCE")
class BinaryCrossentropy(MeanMetricWrapper):
    """The mean of `losses.binary_crossentropy`.

    Args:
        name: for logs.
        dtype: as in Metric.
        from_logits: whether outputs are logits rather than probabilities.
        label_smoothing: from 0 to 1.

    Raises:
        ShapeError: for targets of another shape than the output.

    >>> import nnlib as nn
    >>> round(float(nn.metrics.BinaryCrossentropy()([[1.0]], [[0.5]])), 4)
    0.6931
    """

    def __init__(
        self,
        name: str | None = "binary_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
    ):
        super().__init__(
            binary_crossentropy,
            name,
            dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
        )


@metrics.register("categorical_crossentropy", "CategoricalCrossentropy")
class CategoricalCrossentropy(MeanMetricWrapper):
    """The mean of `losses.categorical_crossentropy`; one-hot targets.

    Args:
        name: for logs.
        dtype: as in Metric.
        from_logits: whether outputs are logits rather than probabilities.
        label_smoothing: from 0 to 1.
        axis: of the classes.

    Raises:
        ShapeError: for targets of another shape than the output.

    >>> import nnlib as nn
    >>> round(float(nn.metrics.CategoricalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]])), 4)
    0.6931
    """

    def __init__(
        self,
        name: str | None = "categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
        axis: int = -1,
    ):
        super().__init__(
            categorical_crossentropy,
            name,
            dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )


@metrics.register("sparse_categorical_crossentropy", "SparseCategoricalCrossentropy")
class SparseCategoricalCrossentropy(MeanMetricWrapper):
    """The mean of `losses.sparse_categorical_crossentropy`; class numbers as targets.

    Args:
        name: for logs.
        dtype: as in Metric.
        from_logits: whether outputs are logits rather than probabilities.
        ignore_class: a label that does not count.
        axis: of the classes, in the output.

    Raises:
        ShapeError: for labels that do not fit the output.

    >>> import nnlib as nn
    >>> round(float(nn.metrics.SparseCategoricalCrossentropy()([1], [[0.5, 0.5]])), 4)
    0.6931
    """

    def __init__(
        self,
        name: str | None = "sparse_categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        ignore_class: int | None = None,
        axis: int = -1,
    ):
        super().__init__(
            sparse_categorical_crossentropy,
            name,
            dtype,
            from_logits=from_logits,
            ignore_class=ignore_class,
            axis=axis,
        )

    def update(  # type: ignore[override]
        self, state: State, y_true: Any, y_pred: Any, sample_weight: Any = None
    ) -> State:
        ignored = self.kwargs["ignore_class"]
        if ignored is not None:
            labels = sparse_labels(self.name, y_true, jnp.asarray(y_pred), self.kwargs["axis"])
            counted = (labels != ignored).astype(self.dtype)
            if sample_weight is None:
                sample_weight = counted
            else:
                weights = jnp.asarray(sample_weight, self.dtype)
                weights = over_leading_axes(self.name, "sample_weight", weights, counted)
                sample_weight = weights * counted
        return super().update(state, y_true, y_pred, sample_weight)
