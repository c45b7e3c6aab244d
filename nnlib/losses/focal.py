"""Focal cross-entropies: what is known already weighs little."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from nnlib.core.errors import ArgumentError, ShapeError
from nnlib.core.registries import losses
from nnlib.core.settings import epsilon
from nnlib.losses.alignment import as_array, as_float, check_equal, elementwise, float_pair
from nnlib.losses.crossentropy import check_classes, check_smoothing
from nnlib.losses.loss import LossFunction
from nnlib.losses.target_checks import check_one_hot, check_same_shape


@losses.register("binary_focal_crossentropy")
@elementwise
def binary_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: Any = -1,
) -> jax.Array:
    """`mean((1 - p_t)**gamma * crossentropy)` over `axis`; see BinaryFocalCrossentropy.

    >>> round(float(binary_focal_crossentropy([1.0], [0.5])), 4)
    0.1733
    """
    y_true, y_pred = float_pair("binary_focal_crossentropy", y_true, y_pred)
    check_equal("binary_focal_crossentropy", y_true.shape, y_pred.shape)
    if label_smoothing:
        y_true = y_true * (1.0 - label_smoothing) + 0.5 * label_smoothing
    if from_logits:
        y_pred = jax.nn.sigmoid(y_pred)
    inside = jnp.clip(y_pred, epsilon(), 1.0 - epsilon())
    crossentropy = -(y_true * jnp.log(inside) + (1.0 - y_true) * jnp.log(1.0 - inside))
    sure = y_true * y_pred + (1.0 - y_true) * (1.0 - y_pred)
    values = jnp.power(1.0 - sure, gamma) * crossentropy
    if apply_class_balancing:
        values = values * (y_true * alpha + (1.0 - y_true) * (1.0 - alpha))
    return jnp.mean(values, axis=axis)


@losses.register("categorical_focal_crossentropy")
def categorical_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    alpha: float | Sequence[float] = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> jax.Array:
    """`-sum(alpha (1 - p)**gamma y log p)` over the classes; see CategoricalFocalCrossentropy.

    >>> categorical_focal_crossentropy([[0.0, 1.0]], [[0.5, 0.5]]).round(4).tolist()
    [0.043299999088048935]
    """
    place = "categorical_focal_crossentropy"
    y_pred = as_float(place, y_pred)
    y_true = as_array(place, y_true, y_pred.dtype)
    check_classes(place, y_true.shape, y_pred.shape)
    if label_smoothing:
        y_true = y_true * (1.0 - label_smoothing) + label_smoothing / y_true.shape[axis]
    if from_logits:
        y_pred = jax.nn.softmax(y_pred, axis=axis)
    y_pred = y_pred / jnp.sum(y_pred, axis=axis, keepdims=True)
    y_pred = jnp.clip(y_pred, epsilon(), 1.0 - epsilon())
    factors = _class_factors(place, alpha, y_pred, axis) * jnp.power(1.0 - y_pred, gamma)
    return -jnp.sum(factors * y_true * jnp.log(y_pred), axis=axis)


def _class_factors(place: str, alpha: Any, y_pred: jax.Array, axis: int) -> jax.Array:
    """`alpha` along the class axis: one number for all classes, or one for each."""
    factors = jnp.asarray(alpha, y_pred.dtype)
    if factors.ndim == 0:
        return factors
    if factors.shape != (y_pred.shape[axis],):
        raise ShapeError(
            f"{place}: expected alpha to be a number or one per class, {y_pred.shape[axis]} of "
            f"them, got shape {factors.shape}."
        )
    return factors.reshape([-1 if a == axis % y_pred.ndim else 1 for a in range(y_pred.ndim)])


def _check_gamma(loss: str, gamma: float) -> float:
    if not gamma >= 0:
        raise ArgumentError(f"{loss}: expected gamma of 0 or more, got {gamma!r}.")
    return gamma


@losses.register("BinaryFocalCrossentropy")
class BinaryFocalCrossentropy(LossFunction):
    r"""`(1 - p_t)**gamma` times the binary cross-entropy: easy samples count little.

    `p_t` is the probability that the output gives to the truth, `y p + (1 - y)(1 - p)`.

    Args:
        apply_class_balancing: whether ones also weigh `alpha`, and zeros `1 - alpha`.
        alpha: the weight of ones, from 0 to 1.
        gamma: how little the easy ones count; 0 gives the plain cross-entropy.
        from_logits: whether outputs are logits rather than probabilities.
        label_smoothing: from 0 to 1; labels become `y (1 - s) + s / 2`.
        axis: averaged over.
        reduction: as in Loss.
        name: for logs.
        dtype: as in Loss.

    Input shape:
        y_true and y_pred (batch, ...), of one shape.

    Raises:
        ArgumentError: for a gamma below 0, and alpha or label_smoothing outside of 0 to 1.
        ShapeError: for targets of another shape than the output.

    >>> import nnlib as nn
    >>> loss = nn.losses.BinaryFocalCrossentropy(gamma=2.0)
    >>> round(float(loss([[0.0], [1.0]], [[0.4], [0.6]])), 4)
    0.0817

    Source: Lin et al., ICCV 2017, arXiv:1708.02002.
    """

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: Any = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "binary_focal_crossentropy",
        dtype: Any = None,
    ):
        if not 0 <= alpha <= 1:
            raise ArgumentError(
                f"BinaryFocalCrossentropy: expected alpha from 0 to 1, got {alpha!r}."
            )
        super().__init__(
            binary_focal_crossentropy,
            reduction,
            name,
            dtype,
            apply_class_balancing=bool(apply_class_balancing),
            alpha=alpha,
            gamma=_check_gamma("BinaryFocalCrossentropy", gamma),
            from_logits=bool(from_logits),
            label_smoothing=check_smoothing("BinaryFocalCrossentropy", label_smoothing),
            axis=axis,
        )

    def check_targets(self, y_true: Any, output: Any, place: str) -> None:
        super().check_targets(y_true, output, place)
        check_same_shape(place, y_true, output)


@losses.register("CategoricalFocalCrossentropy")
class CategoricalFocalCrossentropy(LossFunction):
    r"""`-sum(alpha (1 - p)**gamma y log p)` over the classes: easy samples count little.

    Args:
        alpha: the weight of the classes: one number, or a list with one for each.
        gamma: how little the easy ones count; 0 gives the plain cross-entropy times alpha.
        from_logits: whether outputs are logits rather than probabilities (a softmax).
        label_smoothing: from 0 to 1; targets become `y (1 - s) + s / classes`.
        axis: of the classes.
        reduction: as in Loss.
        name: for logs.
        dtype: as in Loss.

    Input shape:
        y_true and y_pred (batch, ..., classes).

    Raises:
        ArgumentError: for a gamma below 0 or a label_smoothing out of range.
        ShapeError: for targets of another shape than the output, and for an alpha that has not
            one number per class.

    >>> import nnlib as nn
    >>> loss = nn.losses.CategoricalFocalCrossentropy()
    >>> round(float(loss([[0.0, 1.0]], [[0.5, 0.5]])), 4)
    0.0433

    Source: Lin et al., ICCV 2017, arXiv:1708.02002.
    """

    def __init__(
        self,
        alpha: float | Sequence[float] = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_focal_crossentropy",
        dtype: Any = None,
    ):
        super().__init__(
            categorical_focal_crossentropy,
            reduction,
            name,
            dtype,
            alpha=alpha,
            gamma=_check_gamma("CategoricalFocalCrossentropy", gamma),
            from_logits=bool(from_logits),
            label_smoothing=check_smoothing("CategoricalFocalCrossentropy", label_smoothing),
            axis=axis,
        )

    def align(self, y_true: Any, y_pred: Any) -> tuple[Any, Any]:
        return y_true, y_pred  # a last axis of size 1 is a class here

    def check_targets(self, y_true: Any, output: Any, place: str) -> None:
        check_one_hot(place, y_true, output, self.kwargs["axis"])
        super().check_targets(y_true, output, place)
