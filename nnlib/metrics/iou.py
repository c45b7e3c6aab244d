"""Intersection over union, from a confusion matrix that builds up over batches."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from nnlib.core.errors import ArgumentError, ShapeError
from nnlib.core.registries import metrics
from nnlib.core.settings import epsilon
from nnlib.losses.alignment import align_ranks, as_array
from nnlib.losses.reduction import over_leading_axes
from nnlib.metrics.counting import confusion_matrix
from nnlib.metrics.metric import Metric
from nnlib.metrics.reduction import add_to_total
from nnlib.metrics.scope import State


@metrics.register("io_u", "IoU", "iou")
class IoU(Metric):
    r"""`TP / (TP + FP + FN)`, averaged over some classes.

    Classes that appear neither in targets nor in outputs do not count.

    Args:
        num_classes: how many there are; labels run from 0. Others are left out.
        target_class_ids: the classes to average over.
        name: for logs; None for the class name in snake_case.
        dtype: of the counts: None for floats that take weights as they are; "int32" cuts weights
            to whole numbers, as Keras does by default.
        ignore_class: a label that does not count.
        sparse_y_true: whether targets are class numbers; else the largest along `axis` is meant.
        sparse_y_pred: the same, of outputs.
        axis: of the classes, where they are not sparse.

    Input shape:
        y_true and y_pred (batch, ...), with an axis of classes where they are not sparse;
        sample_weight (batch,) or (batch, ...).

    Raises:
        ArgumentError: for classes that are not there.
        ShapeError: for targets that do not fit the output.

    >>> import nnlib as nn
    >>> metric = nn.metrics.IoU(num_classes=2, target_class_ids=[0])
    >>> round(float(metric([0, 0, 1, 1], [0, 1, 0, 1])), 4)
    0.3333

    Source: Jaccard, Bull. Soc. Vaudoise Sci. Nat. 37, 1901.
    """

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ):
        super().__init__(name=name, dtype=dtype)
        place = type(self).__name__
        if isinstance(num_classes, bool) or not isinstance(num_classes, int) or num_classes < 1:
            raise ArgumentError(f"{place}: expected num_classes above 0, got {num_classes!r}.")
        self.num_classes = num_classes
        self.target_class_ids = [int(c) for c in np.ravel(target_class_ids)]
        wrong = [c for c in self.target_class_ids if not 0 <= c < num_classes]
        if wrong or not self.target_class_ids:
            raise ArgumentError(
                f"{place}: expected target_class_ids from 0 to {num_classes - 1}, "
                f"got {target_class_ids!r}."
            )
        self.ignore_class = ignore_class
        self.sparse_y_true = sparse_y_true
        self.sparse_y_pred = sparse_y_pred
        self.axis = axis
        self._whole_weights = jnp.issubdtype(jnp.dtype(self.dtype), jnp.integer)

    def init(self) -> State:
        classes = self.num_classes
        return {"total_confusion_matrix": jnp.zeros((2, classes, classes), jnp.float32)}

    def update(self, state: State, y_true: Any, y_pred: Any, sample_weight: Any = None) -> State:
        """The state after another batch."""
        labels = self._labels(y_true, self.sparse_y_true)
        found = self._found(y_pred)
        labels, found = align_ranks(labels, found)
        if labels.shape != found.shape:
            raise ShapeError(
                f"{self.name}: expected class numbers of one shape, got {labels.shape} in the "
                f"targets and {found.shape} in the output."
            )
        weights = self._weights(sample_weight, labels)
        if self.ignore_class is not None:
            weights = jnp.where(labels == self.ignore_class, 0, weights)
        matrix = confusion_matrix(labels.ravel(), found.ravel(), weights.ravel(), self.num_classes)
        total = state["total_confusion_matrix"]
        return {"total_confusion_matrix": add_to_total(total, matrix)}

    def _labels(self, values: Any, sparse: bool) -> jax.Array:
        if sparse:
            return as_array(self.name, values, jnp.int32)
        return jnp.argmax(as_array(self.name, values, None), axis=self.axis)

    def _found(self, y_pred: Any) -> jax.Array:
        """The class numbers that an output says."""
        return self._labels(y_pred, self.sparse_y_pred)

    def _weights(self, sample_weight: Any, labels: jax.Array) -> jax.Array:
        if sample_weight is None:
            return jnp.ones(labels.shape, jnp.float32)
        weights = jnp.asarray(sample_weight)
        if self._whole_weights:
            weights = weights.astype(self.dtype)
        weights = weights.astype(jnp.float32)
        return over_leading_axes(self.name, "sample_weight", weights, labels)

    def compute(self, state: State) -> jax.Array:
        matrix = state["total_confusion_matrix"].sum(axis=0)
        chosen = np.asarray(self.target_class_ids)
        both = jnp.diagonal(matrix)[chosen]
        either = (matrix.sum(axis=0) + matrix.sum(axis=1))[chosen] - both
        there = either > 1e-9
        shares = jnp.where(there, both / (either + epsilon()), 0.0)
        return jnp.sum(shares) / (jnp.sum(there.astype(jnp.float32)) + epsilon())


@metrics.register("binary_io_u", "BinaryIoU")
class BinaryIoU(IoU):
    """IoU of classes 0 and 1, where an output of `threshold` or more is a 1.

    Args:
        target_class_ids: the classes to average over: (0, 1), (0,) or (1,).
        threshold: from where on an output is 1.
        name: for logs; None for "binary_io_u".
        dtype: as in IoU.

    Raises:
        ArgumentError: for classes that are not there.
        ShapeError: for targets that do not fit the output.

    >>> import nnlib as nn
    >>> metric = nn.metrics.BinaryIoU(target_class_ids=[0, 1], threshold=0.3)
    >>> round(float(metric([0, 1, 0, 1], [0.1, 0.2, 0.4, 0.7])), 4)
    0.3333

    Source: Jaccard, Bull. Soc. Vaudoise Sci. Nat. 37, 1901.
    """

    def __init__(
        self,
        target_class_ids: Sequence[int] = (0, 1),
        threshold: float = 0.5,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(2, target_class_ids, name, dtype)
        self.threshold = threshold

    def _found(self, y_pred: Any) -> jax.Array:
        return (as_array(self.name, y_pred, jnp.float32) >= self.threshold).astype(jnp.int32)


@metrics.register("mean_io_u", "MeanIoU", "mean_iou")
class MeanIoU(IoU):
    """IoU averaged over all classes that appear.

    Args:
        num_classes: how many there are; labels run from 0. Others are left out.
        name: for logs; None for "mean_io_u".
        dtype: as in IoU.
        ignore_class: a label that does not count.
        sparse_y_true: whether targets are class numbers; else the largest along `axis` is meant.
        sparse_y_pred: the same, of outputs.
        axis: of the classes, where they are not sparse.

    Raises:
        ArgumentError: for num_classes below 1.
        ShapeError: for targets that do not fit the output.

    >>> import nnlib as nn
    >>> metric = nn.metrics.MeanIoU(num_classes=2)
    >>> round(float(metric([0, 0, 1, 1], [0, 1, 0, 1])), 4)
    0.3333

    Source: Jaccard, Bull. Soc. Vaudoise Sci. Nat. 37, 1901.
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ):
        classes = range(num_classes) if isinstance(num_classes, int) else ()
        super().__init__(
            num_classes, classes, name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis
        )


@metrics.register("one_hot_io_u", "OneHotIoU")
class OneHotIoU(IoU):
    """IoU for one-hot targets, averaged over some classes.

    Args:
        num_classes: how many there are.
        target_class_ids: the classes to average over.
        name: for logs; None for "one_hot_io_u".
        dtype: as in IoU.
        ignore_class: a class that does not count.
        sparse_y_pred: whether outputs are class numbers instead of one number per class.
        axis: of the classes.

    Raises:
        ArgumentError: for classes that are not there.
        ShapeError: for targets that do not fit the output.

    >>> import nnlib as nn
    >>> metric = nn.metrics.OneHotIoU(num_classes=2, target_class_ids=[1])
    >>> round(float(metric([[1, 0], [0, 1]], [[0.3, 0.7], [0.2, 0.8]])), 4)
    0.5

    Source: Jaccard, Bull. Soc. Vaudoise Sci. Nat. 37, 1901.
    """

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ):
        super().__init__(
            num_classes, target_class_ids, name, dtype, ignore_class, False, sparse_y_pred, axis
        )


@metrics.register("one_hot_mean_io_u", "OneHotMeanIoU")
class OneHotMeanIoU(MeanIoU):
    """IoU for one-hot targets, averaged over all classes that appear.

    Args:
        num_classes: how many there are.
        name: for logs; None for "one_hot_mean_io_u".
        dtype: as in IoU.
        ignore_class: a class that does not count.
        sparse_y_pred: whether outputs are class numbers instead of one number per class.
        axis: of the classes.

    Raises:
        ArgumentError: for num_classes below 1.
        ShapeError: for targets that do not fit the output.

    >>> import nnlib as nn
    >>> metric = nn.metrics.OneHotMeanIoU(num_classes=2)
    >>> round(float(metric([[1, 0], [0, 1]], [[0.3, 0.7], [0.2, 0.8]])), 4)
    0.25

    Source: Jaccard, Bull. Soc. Vaudoise Sci. Nat. 37, 1901.
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ):
        super().__init__(num_classes, name, dtype, ignore_class, False, sparse_y_pred, axis)
