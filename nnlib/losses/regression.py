"""Losses of quantities: the mean of an error over the last axis."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from nnlib.core.errors import ArgumentError
from nnlib.core.registries import losses
from nnlib.core.settings import epsilon
from nnlib.losses.alignment import elementwise, float_pair
from nnlib.losses.loss import LossFunction


@losses.register("mean_squared_error", "mse", "MSE")
@elementwise
def mean_squared_error(y_true: Any, y_pred: Any) -> jax.Array:
    """`mean((y - p)**2)` over the last axis.

    >>> mean_squared_error([[0.0, 1.0]], [[2.0, 1.0]]).tolist()
    [2.0]
    """
    y_true, y_pred = float_pair("mean_squared_error", y_true, y_pred)
    return jnp.mean(jnp.square(y_true - y_pred), axis=-1)


@losses.register("mean_absolute_error", "mae", "MAE")
@elementwise
def mean_absolute_error(y_true: Any, y_pred: Any) -> jax.Array:
    """`mean(|y - p|)` over the last axis.

    >>> mean_absolute_error([[0.0, 1.0]], [[2.0, 1.0]]).tolist()
    [1.0]
    """
    y_true, y_pred = float_pair("mean_absolute_error", y_true, y_pred)
    return jnp.mean(jnp.abs(y_true - y_pred), axis=-1)


@losses.register("mean_absolute_percentage_error", "mape", "MAPE")
@elementwise
def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> jax.Array:
    """`100 mean(|y - p| / max(|y|, epsilon))` over the last axis.

    >>> mean_absolute_percentage_error([[2.0, 4.0]], [[1.0, 4.0]]).tolist()
    [25.0]
    """
    y_true, y_pred = float_pair("mean_absolute_percentage_error", y_true, y_pred)
    scale = jnp.maximum(jnp.abs(y_true), jnp.asarray(epsilon(), y_true.dtype))
    return 100.0 * jnp.mean(jnp.abs((y_true - y_pred) / scale), axis=-1)


@losses.register("mean_squared_logarithmic_error", "msle", "MSLE")
@elementwise
def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> jax.Array:
    """`mean((log(1 + y) - log(1 + p))**2)` over the last axis; negative values count as 0.

    >>> mean_squared_logarithmic_error([[0.0]], [[0.0]]).tolist()
    [0.0]
    """
    y_true, y_pred = float_pair("mean_squared_logarithmic_error", y_true, y_pred)
    small = jnp.asarray(epsilon(), y_pred.dtype)
    log_true = jnp.log(jnp.maximum(y_true, small) + 1.0)
    log_pred = jnp.log(jnp.maximum(y_pred, small) + 1.0)
    return jnp.mean(jnp.square(log_true - log_pred), axis=-1)


@losses.register("huber", "huber_loss")
@elementwise
def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> jax.Array:
    """The mean of `e**2 / 2` up to an error of `delta`, and of `delta (|e| - delta / 2)` beyond.

    >>> huber([[0.0, 0.0]], [[1.0, 3.0]]).tolist()
    [1.5]
    """
    y_true, y_pred = float_pair("huber", y_true, y_pred)
    error = jnp.abs(y_pred - y_true)
    beyond = delta * error - 0.5 * delta**2
    return jnp.mean(jnp.where(error <= delta, 0.5 * jnp.square(error), beyond), axis=-1)


@losses.register("log_cosh", "logcosh")
@elementwise
def log_cosh(y_true: Any, y_pred: Any) -> jax.Array:
    """`mean(log(cosh(p - y)))` over the last axis, without overflow.

    >>> log_cosh([[0.0]], [[0.0]]).tolist()
    [0.0]
    """
    y_true, y_pred = float_pair("log_cosh", y_true, y_pred)
    error = y_pred - y_true
    return jnp.mean(error + jax.nn.softplus(-2.0 * error) - jnp.log(2.0).astype(error.dtype), -1)


@losses.register("poisson")
@elementwise
def poisson(y_true: Any, y_pred: Any) -> jax.Array:
    """`mean(p - y log(p + epsilon))` over the last axis: counts y with the expectation p.

    >>> poisson([[0.0, 0.0]], [[1.0, 3.0]]).tolist()
    [2.0]
    """
    y_true, y_pred = float_pair("poisson", y_true, y_pred)
    return jnp.mean(y_pred - y_true * jnp.log(y_pred + epsilon()), axis=-1)


def loss_class(
    class_name: str, function: Callable[..., jax.Array], formula: str, source: str
) -> type[LossFunction]:
    """A loss without arguments of its own: `MeanSquaredError(reduction, name, dtype)`."""
    default_name = function.__name__

    def init(
        self: LossFunction,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = default_name,
        dtype: Any = None,
    ) -> None:
        LossFunction.__init__(self, function, reduction, name, dtype)

    doc = f"""{formula}

    Args:
        reduction: as in Loss.
        name: for logs.
        dtype: as in Loss.

    Raises:
        ShapeError: for targets that do not fit the output.

    >>> import nnlib as nn
    >>> nn.losses.{class_name}()([[0.0], [1.0]], [[0.0], [1.0]]).shape
    ()

    Source: {source}.
    """
    body = {"__init__": init, "__doc__": doc, "__module__": function.__module__}
    return losses.register(class_name)(type(class_name, (LossFunction,), body))


MeanSquaredError = loss_class(
    "MeanSquaredError",
    mean_squared_error,
    "`mean((y - p)**2)` over the last axis.",
    "Gauss, Theoria combinationis observationum, 1823",
)
MeanAbsoluteError = loss_class(
    "MeanAbsoluteError",
    mean_absolute_error,
    "`mean(|y - p|)` over the last axis.",
    "Laplace, Mémoire sur la probabilité des causes, 1774",
)
MeanAbsolutePercentageError = loss_class(
    "MeanAbsolutePercentageError",
    mean_absolute_percentage_error,
    "`100 mean(|y - p| / max(|y|, epsilon))` over the last axis.",
    "Hyndman & Koehler, Int. J. Forecasting 22, 2006",
)
MeanSquaredLogarithmicError = loss_class(
    "MeanSquaredLogarithmicError",
    mean_squared_logarithmic_error,
    "`mean((log(1 + y) - log(1 + p))**2)` over the last axis.",
    "Keras 3 documentation, losses",
)
LogCosh = loss_class(
    "LogCosh",
    log_cosh,
    "`mean(log(cosh(p - y)))`: square for small errors, absolute for large ones.",
    "Saleh & Saleh, arXiv:2208.04564, 2022",
)
Poisson = loss_class(
    "Poisson",
    poisson,
    "`mean(p - y log(p + epsilon))`: counts y with the expectation p.",
    "Nelder & Wedderburn, J. R. Stat. Soc. A 135, 1972",
)


@losses.register("Huber")
class Huber(LossFunction):
    r"""The mean of `e**2 / 2` up to an error of `delta`, of `delta (|e| - delta / 2)` beyond.

    Args:
        delta: where squares turn into lines, above 0, in the unit of the targets.
        reduction: as in Loss.
        name: for logs.
        dtype: as in Loss.

    Raises:
        ArgumentError: for a delta of 0 or below.
        ShapeError: for targets that do not fit the output.

    >>> import nnlib as nn
    >>> float(nn.losses.Huber(delta=1.0)([[0.0, 0.0]], [[1.0, 3.0]]))
    1.5

    Source: Huber, Ann. Math. Statist. 35, 1964.
    """

    def __init__(
        self,
        delta: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "huber_loss",
        dtype: Any = None,
    ):
        if not delta > 0:
            raise ArgumentError(f"Huber: expected delta above 0, got {delta!r}.")
        super().__init__(huber, reduction, name, dtype, delta=delta)
