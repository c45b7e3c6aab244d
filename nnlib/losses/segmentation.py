"""Losses by overlap: for masks of which little is set."""

from typing import Any

import jax
import jax.numpy as jnp

from nnlib.core.errors import ArgumentError
from nnlib.core.registries import losses
from nnlib.core.settings import epsilon
from nnlib.losses.alignment import across_rows, float_pair
from nnlib.losses.loss import LossFunction
from nnlib.losses.reduction import fill_padding


@losses.register("dice")
@across_rows
def dice(y_true: Any, y_pred: Any, axis: Any = None) -> jax.Array:
    """`1 - 2 sum(y p) / (sum(y) + sum(p))` over `axis`, None for all of them; see Dice.

    >>> round(float(dice([[1.0, 0.0]], [[1.0, 1.0]])), 4)
    0.3333
    """
    y_true, y_pred = float_pair("dice", y_true, y_pred)
    both = jnp.sum(y_true * y_pred, axis=axis)
    either = jnp.sum(y_true, axis=axis) + jnp.sum(y_pred, axis=axis)
    return 1.0 - 2.0 * both / (either + epsilon())


@losses.register("tversky")
@across_rows
def tversky(
    y_true: Any, y_pred: Any, alpha: float = 0.5, beta: float = 0.5, axis: Any = None
) -> jax.Array:
    """`1 - sum(y p) / (sum(y p) + alpha sum(y (1 - p)) + beta sum((1 - y) p))`; see Tversky.

    >>> round(float(tversky([[1.0, 0.0]], [[1.0, 1.0]], beta=1.0)), 4)
    0.5
    """
    y_true, y_pred = float_pair("tversky", y_true, y_pred)
    both = jnp.sum(y_true * y_pred, axis=axis)
    missed = jnp.sum(y_true * (1.0 - y_pred), axis=axis)
    extra = jnp.sum((1.0 - y_true) * y_pred, axis=axis)
    return 1.0 - both / (both + alpha * missed + beta * extra + epsilon())


def _as_axis(axis: Any) -> Any:
    """A config from JSON has a list where JAX wants a tuple."""
    return tuple(axis) if isinstance(axis, list) else axis


class _OverlapLoss(LossFunction):
    """A loss that sums over `axis`, the batch as well where that says so."""

    def masked_values(
        self, y_true: Any, y_pred: Any, mask: jax.Array | None
    ) -> tuple[jax.Array, jax.Array | None]:
        if mask is None:
            return self.call(y_true, y_pred), None
        # Zeros on both sides add nothing to any of the sums.
        values = self.call(fill_padding(mask, y_true, 0), fill_padding(mask, y_pred, 0))
        return values, None if self._sums_rows(y_pred.ndim) else mask

    def _sums_rows(self, rank: int) -> bool:
        axis = self.kwargs["axis"]
        axes = [axis] if isinstance(axis, int) else axis
        return axis is None or 0 in [a % rank for a in axes]


@losses.register("Dice")
class Dice(_OverlapLoss):
    r"""`1 - 2 sum(y p) / (sum(y) + sum(p) + epsilon)`: how far two masks are from one another.

    Args:
        reduction: as in Loss; over what `axis` leaves.
        name: for logs.
        axis: summed over: an axis, a tuple of them, or None for all: one number for the batch. For
            one value per image and class, `axis=(1, 2)`; only then can samples be weighted.
        dtype: as in Loss.

    Input shape:
        y_true and y_pred (batch, ...), of one shape; probabilities.

    Raises:
        ShapeError: for targets that do not fit the output, and for `sample_weight` where `axis`
            leaves one number.

    >>> import nnlib as nn
    >>> round(float(nn.losses.Dice()([[1.0, 0.0]], [[1.0, 1.0]])), 4)
    0.3333

    Source: Milletari, Navab & Ahmadi, 3DV 2016, arXiv:1606.04797.
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "dice",
        axis: Any = None,
        dtype: Any = None,
    ):
        super().__init__(dice, reduction, name, dtype, axis=_as_axis(axis))


@losses.register("Tversky")
class Tversky(_OverlapLoss):
    r"""`1 - TP / (TP + alpha missed + beta extra)`: Dice with two prices.

    The counts are sums of products: `TP = sum(y p)`, `missed = sum(y (1 - p))`,
    `extra = sum((1 - y) p)`. With `alpha = beta = 0.5` this is Dice.

    Args:
        alpha: the price of what is set and not said, 0 or more.
        beta: the price of what is said and not set, 0 or more.
        reduction: as in Loss; over what `axis` leaves.
        name: for logs.
        axis: summed over: an axis, a tuple of them, or None for all: one number for the batch.
        dtype: as in Loss.

    Input shape:
        y_true and y_pred (batch, ...), of one shape; probabilities.

    Raises:
        ArgumentError: for alpha or beta below 0.
        ShapeError: for targets that do not fit the output, and for `sample_weight` where `axis`
            leaves one number.

    >>> import nnlib as nn
    >>> round(float(nn.losses.Tversky(beta=1.0)([[1.0, 0.0]], [[1.0, 1.0]])), 4)
    0.5

    Source: Salehi, Erdogmus & Gholipour, MLMI 2017, arXiv:1706.05721.
    """

    def __init__(
        self,
        alpha: float = 0.5,
        beta: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "tversky",
        axis: Any = None,
        dtype: Any = None,
    ):
        if not (alpha >= 0 and beta >= 0):
            raise ArgumentError(
                f"Tversky: expected alpha and beta of 0 or more, got {alpha!r} and {beta!r}."
            )
        axis = _as_axis(axis)
        super().__init__(tversky, reduction, name, dtype, alpha=alpha, beta=beta, axis=axis)
