"""Correlations of targets with outputs, sample by sample."""

from typing import Any

import jax
import jax.numpy as jnp

from nnlib.core.registries import metrics
from nnlib.core.settings import epsilon
from nnlib.losses.alignment import float_pair
from nnlib.metrics.reduction import MeanMetricWrapper


def pearson_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> jax.Array:
    """`cov(y, p) / (std(y) std(p))` along `axis`: 1 for a rising line; NaN where one is constant.

    >>> pearson_correlation([[0.0, 1.0, 2.0]], [[1.0, 3.0, 5.0]]).round(4).tolist()
    [1.0]
    """
    y_true, y_pred = float_pair("pearson_correlation", y_true, y_pred)
    y_true, y_pred = (a - jnp.mean(a, axis=axis, keepdims=True) for a in (y_true, y_pred))
    y_true, y_pred = (a / jnp.std(a, axis=axis, keepdims=True) for a in (y_true, y_pred))
    return jnp.mean(y_true * y_pred, axis=axis)


def concordance_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> jax.Array:
    """`2 cov(y, p) / (var(y) + var(p) + (mean(y) - mean(p))**2)` along `axis`: 1 only for y = p.

    >>> round(float(concordance_correlation([0.0, 1.0, 2.0], [1.0, 2.0, 3.0])), 4)
    0.5714
    """
    y_true, y_pred = float_pair("concordance_correlation", y_true, y_pred)
    mean_true, mean_pred = (jnp.mean(a, axis=axis, keepdims=True) for a in (y_true, y_pred))
    products = (y_true - mean_true) * (y_pred - mean_pred)
    spread = jnp.var(y_true, axis=axis) + jnp.var(y_pred, axis=axis)
    apart = jnp.squeeze(jnp.square(mean_true - mean_pred), axis)
    return 2.0 * jnp.mean(products, axis=axis) / (spread + apart + epsilon())


@metrics.register("pearson_correlation", "PearsonCorrelation")
class PearsonCorrelation(MeanMetricWrapper):
    """The mean over samples of Pearson's correlation along `axis`.

    Args:
        name: for logs.
        dtype: as in Metric.
        axis: of the values that belong together.

    Raises:
        ShapeError: for targets that do not fit the output.

    >>> import nnlib as nn
    >>> metric = nn.metrics.PearsonCorrelation()
    >>> round(float(metric([[0.0, 1.0, 0.5]], [[0.1, 0.9, 0.6]])), 4)
    0.9897

    Source: Pearson, Proc. Royal Society 58, 1895.
    """

    def __init__(self, name: str | None = "pearson_correlation", dtype: Any = None, axis: int = -1):
        super().__init__(pearson_correlation, name, dtype, axis=axis)


@metrics.register("concordance_correlation", "ConcordanceCorrelation")
class ConcordanceCorrelation(MeanMetricWrapper):
    """The mean over samples of the concordance correlation along `axis`.

    Args:
        name: for logs.
        dtype: as in Metric.
        axis: of the values that belong together.

    Raises:
        ShapeError: for targets that do not fit the output.

    >>> import nnlib as nn
    >>> metric = nn.metrics.ConcordanceCorrelation()
    >>> round(float(metric([[0.0, 1.0, 2.0]], [[1.0, 2.0, 3.0]])), 4)
    0.5714

    Source: Lin, Biometrics 45, 1989.
    """

    def __init__(
        self, name: str | None = "concordance_correlation", dtype: Any = None, axis: int = -1
    ):
        super().__init__(concordance_correlation, name, dtype, axis=axis)
