"""Cross-entropies: how many nats a prediction wastes on telling the class."""

from typing import Any

import jax
import jax.numpy as jnp

from nnlib.core.errors import ArgumentError, ShapeError
from nnlib.core.registries import losses
from nnlib.core.settings import epsilon
from nnlib.losses.alignment import as_array, as_float, check_equal, elementwise, float_pair
from nnlib.losses.loss import LossFunction
from nnlib.losses.target_checks import (
    check_labels,
    check_numbers,
    check_one_hot,
    check_same_shape,
    check_without_nan,
)


@losses.register("binary_crossentropy", "bce", "BCE")
@elementwise
def binary_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: Any = -1,
) -> jax.Array:
    """`-mean(y log p + (1 - y) log(1 - p))` over `axis`; see BinaryCrossentropy.

    >>> round(float(binary_crossentropy([1.0], [0.5])), 4)
    0.6931
    """
    y_true, y_pred = float_pair("binary_crossentropy", y_true, y_pred)
    check_equal("binary_crossentropy", y_true.shape, y_pred.shape)
    if label_smoothing:
        y_true = y_true * (1.0 - label_smoothing) + 0.5 * label_smoothing
    if from_logits:
        log_p, log_q = jax.nn.log_sigmoid(y_pred), jax.nn.log_sigmoid(-y_pred)
    else:
        y_pred = jnp.clip(y_pred, epsilon(), 1.0 - epsilon())
        log_p, log_q = jnp.log(y_pred), jnp.log(1.0 - y_pred)
    return -jnp.mean(y_true * log_p + (1.0 - y_true) * log_q, axis=axis)


def log_probabilities(y_pred: jax.Array, from_logits: bool, axis: int) -> jax.Array:
    """Logarithms of class probabilities, from logits or from anything proportional to them."""
    if from_logits:
        return jax.nn.log_softmax(y_pred, axis=axis)
    y_pred = y_pred / jnp.sum(y_pred, axis=axis, keepdims=True)
    return jnp.log(jnp.clip(y_pred, epsilon(), 1.0 - epsilon()))


@losses.register("categorical_crossentropy")
def categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> jax.Array:
    """`-sum(y log p)` over the classes; see CategoricalCrossentropy.

    >>> categorical_crossentropy([[0.0, 1.0]], [[0.5, 0.5]]).round(4).tolist()
    [0.6930999755859375]
    """
    y_pred = as_float("categorical_crossentropy", y_pred)
    y_true = as_array("categorical_crossentropy", y_true, y_pred.dtype)
    check_classes("categorical_crossentropy", y_true.shape, y_pred.shape)
    if label_smoothing:
        y_true = y_true * (1.0 - label_smoothing) + label_smoothing / y_true.shape[axis]
    products = y_true * log_probabilities(y_pred, from_logits, axis)
    return -jnp.sum(jnp.where(y_true == 0, 0, products), axis=axis)  # 0 log 0 is 0


def check_classes(place: str, targets: Any, output: Any) -> None:
    """ShapeError unless there is one number per class in both."""
    if tuple(targets) != tuple(output) or not len(output):
        raise ShapeError(
            f"{place}: expected targets of the output's shape {tuple(output)}, one number per "
            f"class, got {tuple(targets)}. For class labels use 'sparse_categorical_crossentropy'."
        )


@losses.register("sparse_categorical_crossentropy")
def sparse_categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
) -> jax.Array:
    """`-log p[label]`, and 0 for labels that are no class; see SparseCategoricalCrossentropy.

    >>> sparse_categorical_crossentropy([1], [[0.5, 0.5]]).round(4).tolist()
    [0.6930999755859375]
    """
    place = "sparse_categorical_crossentropy"
    y_pred = as_float(place, y_pred)
    labels = sparse_labels(place, y_true, y_pred, axis)
    if ignore_class is not None:  # an ignored row must not even reach the gradients
        ignored = jnp.expand_dims(labels == ignore_class, axis)
        y_pred = jnp.where(ignored, 0 if from_logits else 1 / y_pred.shape[axis], y_pred)
        labels = jnp.where(labels == ignore_class, -1, labels)
    log_p = log_probabilities(y_pred, from_logits, axis)
    classes = jnp.arange(y_pred.shape[axis], dtype=labels.dtype)
    axis = axis % y_pred.ndim
    classes = classes.reshape([-1 if a == axis else 1 for a in range(y_pred.ndim)])
    chosen = classes == jnp.expand_dims(labels, axis)
    return -jnp.sum(jnp.where(chosen, log_p, 0), axis=axis)


def sparse_labels(place: str, y_true: Any, y_pred: jax.Array, axis: int = -1) -> jax.Array:
    """Class numbers as int32, of y_pred's shape without the class axis."""
    if y_pred.ndim == 0:
        raise ShapeError(f"{place}: expected an output of shape (batch, classes), got ().")
    labels = as_array(place, y_true, jnp.int32)
    lead = y_pred.shape[: axis % y_pred.ndim] + y_pred.shape[axis % y_pred.ndim + 1 :]
    if labels.ndim == y_pred.ndim and labels.shape[-1] == 1:
        labels = labels[..., 0]
    if labels.shape != lead:
        raise ShapeError(
            f"{place}: expected labels of shape {lead} for output of shape {y_pred.shape}, "
            f"got {labels.shape}. For one-hot rows use 'categorical_crossentropy'."
        )
    return labels


def check_smoothing(loss: str, label_smoothing: float) -> float:
    """A label_smoothing within its range."""
    if not 0 <= label_smoothing <= 1:
        raise ArgumentError(
            f"{loss}: expected label_smoothing from 0 to 1, got {label_smoothing!r}."
        )
    return label_smoothing


@losses.register("BinaryCrossentropy")
class BinaryCrossentropy(LossFunction):
    r"""`-mean(y log p + (1 - y) log(1 - p))` over `axis`: yes or no, for each output.

    Args:
        from_logits: whether outputs are logits (any number) rather than probabilities; a model
            that ends without a sigmoid needs True, and is then stable for large outputs.
        label_smoothing: from 0 to 1; labels become `y (1 - s) + s / 2`.
        axis: averaged over.
        reduction: as in Loss.
        name: for logs.
        dtype: as in Loss.

    Input shape:
        y_true and y_pred (batch, ...), of one shape.

    Raises:
        ArgumentError: for a label_smoothing out of range.
        ShapeError: for targets of another shape than the output.

    >>> import nnlib as nn
    >>> loss = nn.losses.BinaryCrossentropy()
    >>> round(float(loss([[0.0], [1.0]], [[0.4], [0.6]])), 4)
    0.5108

    Source: Good, "Rational Decisions", J. R. Stat. Soc. B 14, 1952.
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: Any = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "binary_crossentropy",
        dtype: Any = None,
    ):
        super().__init__(
            binary_crossentropy,
            reduction,
            name,
            dtype,
            from_logits=bool(from_logits),
            label_smoothing=check_smoothing("BinaryCrossentropy", label_smoothing),
            axis=axis,
        )

    def check_targets(self, y_true: Any, output: Any, place: str) -> None:
        super().check_targets(y_true, output, place)
        check_same_shape(place, y_true, output)


@losses.register("CategoricalCrossentropy")
class CategoricalCrossentropy(LossFunction):
    r"""`-sum(y log p)` over the classes: one of many, with one-hot (or soft) targets.

    Args:
        from_logits: whether outputs are logits rather than probabilities (a softmax).
        label_smoothing: from 0 to 1; targets become `y (1 - s) + s / classes`.
        axis: of the classes.
        reduction: as in Loss.
        name: for logs.
        dtype: as in Loss.

    Input shape:
        y_true and y_pred (batch, ..., classes).

    Raises:
        ArgumentError: for a label_smoothing out of range.
        ShapeError: for targets of another shape than the output.

    >>> import nnlib as nn
    >>> loss = nn.losses.CategoricalCrossentropy()
    >>> round(float(loss([[0.0, 1.0, 0.0]], [[0.05, 0.95, 0.0]])), 4)
    0.0513

    Source: Szegedy et al., CVPR 2016 (label smoothing).
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_crossentropy",
        dtype: Any = None,
    ):
        super().__init__(
            categorical_crossentropy,
            reduction,
            name,
            dtype,
            from_logits=bool(from_logits),
            label_smoothing=check_smoothing("CategoricalCrossentropy", label_smoothing),
            axis=axis,
        )

    def align(self, y_true: Any, y_pred: Any) -> tuple[Any, Any]:
        return y_true, y_pred  # a last axis of size 1 is a class here

    def check_targets(self, y_true: Any, output: Any, place: str) -> None:
        check_one_hot(place, y_true, output, self.kwargs["axis"])
        super().check_targets(y_true, output, place)


@losses.register("SparseCategoricalCrossentropy")
class SparseCategoricalCrossentropy(LossFunction):
    r"""`-log p[label]`: one of many, with class numbers as targets.

    Args:
        from_logits: whether outputs are logits rather than probabilities (a softmax).
        ignore_class: a label that does not count, such as -1 or 255; the mean is then taken over
            the other labels.
        reduction: as in Loss.
        axis: of the classes, in the output.
        name: for logs.
        dtype: as in Loss.

    Input shape:
        y_true (batch, ...) or (batch, ..., 1), whole numbers from 0; y_pred (batch, ..., classes).

    Raises:
        ShapeError: for labels of another shape.

    >>> import nnlib as nn
    >>> loss = nn.losses.SparseCategoricalCrossentropy()
    >>> round(float(loss([1, 2], [[0.05, 0.95, 0.0], [0.1, 0.8, 0.1]])), 4)
    1.1769

    Source: Good, "Rational Decisions", J. R. Stat. Soc. B 14, 1952.
    """

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = "sum_over_batch_size",
        axis: int = -1,
        name: str | None = "sparse_categorical_crossentropy",
        dtype: Any = None,
    ):
        super().__init__(
            sparse_categorical_crossentropy,
            reduction,
            name,
            dtype,
            from_logits=bool(from_logits),
            ignore_class=ignore_class,
            axis=axis,
        )

    def convert_targets(self, y_true: Any) -> jax.Array:
        return as_array(self.name, y_true, jnp.int32)

    def align(self, y_true: Any, y_pred: Any) -> tuple[Any, Any]:
        return y_true, y_pred

    def counted(self, y_true: Any, y_pred: Any, values: jax.Array) -> jax.Array | None:
        ignored = self.kwargs["ignore_class"]
        if ignored is None:
            return None
        return sparse_labels(self.name, y_true, y_pred, self.kwargs["axis"]) != ignored

    def check_targets(self, y_true: Any, output: Any, place: str) -> None:
        check_numbers(place, y_true)
        check_without_nan(place, y_true)
        check_labels(place, y_true, output, self.kwargs["axis"], self.kwargs["ignore_class"])
