"""Mean and Sum over batches, and the mean of any function of targets and outputs."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Self

import jax
import jax.numpy as jnp

from nnlib.core.errors import ArgumentError, ShapeError
from nnlib.core.registries import losses, metrics
from nnlib.losses.alignment import align_ranks, as_array, is_elementwise, map_arrays
from nnlib.losses.loss import function_name
from nnlib.losses.reduction import over_leading_axes
from nnlib.metrics.metric import Metric
from nnlib.metrics.scope import State


def zero_total() -> jax.Array:
    """[sum, what rounding left out of it]: a float32 total that does not lose small terms."""
    return jnp.zeros(2, jnp.float32)


def add_to_total(total: jax.Array, term: jax.Array) -> jax.Array:
    """`total + term`, with the rounding error of the sum kept beside it.

    Ones stay exact up to 2**47; a plain float32 stops counting at 2**24.
    Source: Dekker, Numerische Mathematik 18, 1971.

    >>> total = add_to_total(zero_total(), jnp.float32(2**24))
    >>> for _ in range(3):
    ...     total = add_to_total(total, jnp.float32(1))
    >>> int(total[0]) + int(total[1]) - 2**24
    3
    """
    term = jnp.asarray(term, jnp.float32)
    high, lost = _exact_sum(total[0], term)
    return jnp.stack(_exact_sum(high, total[1] + lost))


def _exact_sum(a: jax.Array, b: jax.Array) -> tuple[jax.Array, jax.Array]:
    """(rounded sum, its rounding error); Knuth's TwoSum, which minds no order."""
    rounded = a + b
    b_part = rounded - a
    error = (a - (rounded - b_part)) + (b - b_part)
    return rounded, jnp.where(jnp.isfinite(error), error, 0)


def ratio(total: jax.Array, count: jax.Array) -> jax.Array:
    """`total / count` of two such totals; 0 where the count is 0."""
    top, bottom = total.sum(), count.sum()
    return jnp.where(bottom == 0, 0, top / jnp.where(bottom == 0, 1, bottom))


def _over_rows(x: jax.Array, axes_kept: int) -> jax.Array:
    return jnp.mean(x, axis=tuple(range(axes_kept, x.ndim))) if x.ndim > axes_kept else x


def weighted_rows(
    place: str, values: jax.Array, sample_weight: Any
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """(values, weights, values * weights) of one shape; rows of weight 0 give 0, NaN or not."""
    weights = jnp.asarray(sample_weight, values.dtype)
    if values.ndim == 0 and weights.ndim > 0:
        raise ShapeError(
            f"{place}: expected one value per sample to weight, got one number for the batch. "
            "Return values of shape (batch,): average over the other axes only."
        )
    weights = over_leading_axes(place, "sample_weight", weights, values)
    values = jnp.where(weights == 0, 0, values)
    return values, weights, values * weights


@metrics.register("mean", "Mean")
class Mean(Metric):
    """The mean of values over all batches: `sum(w v) / sum(w)`; 0 before the first one.

    Axes behind the batch are averaged first. Totals carry their rounding error along, so the
    count is exact up to 2**47 rows.

    Args:
        name: for logs.
        dtype: as in Metric.

    Raises:
        ShapeError: in `update`, for weights that do not fit the values.

    >>> import nnlib as nn
    >>> mean = nn.metrics.Mean()
    >>> mean.update_state([1.0, 3.0])
    >>> mean.update_state([8.0], sample_weight=[2.0])
    >>> float(mean.result())
    5.0
    """

    def __init__(self, name: str | None = "mean", dtype: Any = None):
        super().__init__(name=name, dtype=dtype)

    def init(self) -> State:
        return {"total": zero_total(), "count": zero_total()}

    def update(self, state: State, values: Any, sample_weight: Any = None) -> State:
        values = as_array(self.name, values, self.dtype)
        if sample_weight is None:
            rows = _over_rows(values, 1)
            total, count = rows.sum(), jnp.float32(rows.size)
        else:
            _, weights, products = weighted_rows(self.name, values, sample_weight)
            total, count = _over_rows(products, 1).sum(), _over_rows(weights, 1).sum()
        return {
            "total": add_to_total(state["total"], total),
            "count": add_to_total(state["count"], count),
        }

    def compute(self, state: State) -> jax.Array:
        return ratio(state["total"], state["count"])


@metrics.register("sum", "Sum")
class Sum(Metric):
    """The sum of values over all batches: `sum(w v)`.

    Args:
        name: for logs.
        dtype: as in Metric.

    Raises:
        ShapeError: in `update`, for weights that do not fit the values.

    >>> import nnlib as nn
    >>> total = nn.metrics.Sum()
    >>> total.update_state([1.0, 3.0])
    >>> float(total.result())
    4.0
    """

    def __init__(self, name: str | None = "sum", dtype: Any = None):
        super().__init__(name=name, dtype=dtype)

    def init(self) -> State:
        return {"total": zero_total()}

    def update(self, state: State, values: Any, sample_weight: Any = None) -> State:
        values = as_array(self.name, values, self.dtype)
        if sample_weight is not None:
            values = weighted_rows(self.name, values, sample_weight)[2]
        return {"total": add_to_total(state["total"], values.sum())}

    def compute(self, state: State) -> jax.Array:
        return state["total"].sum()


@metrics.register("MeanMetricWrapper")
class MeanMetricWrapper(Mean):
    """The mean of `fn(y_true, y_pred, **kwargs)` over all samples.

    Args:
        fn: a function that returns one value per sample, or the name of a loss or metric.
        name: None for the function's own.
        dtype: as in Metric; targets and outputs are cast to it.
        kwargs: passed on to the function.

    Raises:
        ShapeError: in `update`, for arrays that do not fit each other or their weights.

    >>> import nnlib as nn
    >>> def off_by(y_true, y_pred):
    ...     return abs(y_true - y_pred).max(-1)
    >>> metric = nn.metrics.MeanMetricWrapper(off_by)
    >>> float(metric([[1.0], [2.0]], [[1.0], [5.0]]))
    1.5
    """

    def __init__(
        self,
        fn: Callable[..., Any] | str,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ):
        registry = losses if fn in losses else metrics
        function = registry.lookup(fn) if isinstance(fn, str) else fn
        if isinstance(fn, str) and inspect.isclass(function):  # a metric that averages one
            function = getattr(function(), "fn", None)
        if not callable(function):
            raise ArgumentError(
                f"MeanMetricWrapper: expected a function of (y_true, y_pred), got {fn!r}."
            )
        super().__init__(name=name or function_name(function), dtype=dtype)
        self.fn: Callable[..., Any] = function
        self.kwargs = kwargs
        vars(self).update({name: kwargs[name] for name in kwargs if not hasattr(self, name)})

    def update(  # type: ignore[override]
        self, state: State, y_true: Any, y_pred: Any, sample_weight: Any = None
    ) -> State:
        return super().update(state, self.values(y_true, y_pred), sample_weight)

    def values(self, y_true: Any, y_pred: Any) -> jax.Array:
        """What is averaged: one value per sample."""
        y_true = map_arrays(lambda leaf: as_array(self.name, leaf, self.dtype), y_true)
        y_pred = map_arrays(lambda leaf: as_array(self.name, leaf, self.dtype), y_pred)
        if isinstance(y_true, jax.Array) and isinstance(y_pred, jax.Array):
            y_true, y_pred = align_ranks(y_true, y_pred)
            if is_elementwise(self.fn) and y_true.ndim == y_pred.ndim == 1:
                y_true, y_pred = y_true[:, None], y_pred[:, None]
        return jnp.asarray(self.fn(y_true, y_pred, **self.kwargs))

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        if "fn" in config:
            config["fn"] = losses.name_of(self.fn) or metrics.name_of(self.fn) or self.fn
        return config

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        return cls(**config)
