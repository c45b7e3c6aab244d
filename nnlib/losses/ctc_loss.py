"""CTC: labels in order, at moments that nobody wrote down."""

from typing import Any

import jax
import jax.numpy as jnp
import optax

from nnlib.core.errors import DataError, ShapeError
from nnlib.core.registries import losses
from nnlib.losses.alignment import as_array, as_float
from nnlib.losses.loss import LossFunction
from nnlib.losses.target_checks import check_without_nan, known_dims, output_text

_BLANK = 0


@losses.register("ctc")
def ctc(y_true: Any, y_pred: Any) -> jax.Array:
    """`-log p(labels)` over all ways to stretch them to the length of the output; see CTC.

    >>> ctc([[1]], [[[0.0, 0.0]]]).round(4).tolist() # one step, two classes: p = 1/2
    [0.6930999755859375]
    """
    logits, labels = as_float("ctc", y_pred), as_array("ctc", y_true, jnp.int32)
    if labels.ndim != 2 or logits.ndim != 3 or labels.shape[0] != logits.shape[0]:
        raise ShapeError(
            "ctc: expected labels of shape (batch, labels) and logits of shape (batch, steps, "
            f"classes), got {labels.shape} and {logits.shape}."
        )
    dtype = logits.dtype
    logits = logits.astype(jnp.promote_types(dtype, jnp.float32))
    lengths = jnp.sum(labels != _BLANK, axis=1, keepdims=True)
    padding = jnp.arange(labels.shape[1])[None] >= lengths
    values = optax.ctc_loss(
        logits,
        jnp.zeros(logits.shape[:2], logits.dtype),
        labels,
        padding.astype(logits.dtype),
        blank_id=_BLANK,
    )
    return values.astype(dtype)


@losses.register("CTC")
class CTC(LossFunction):
    r"""`-log p(labels)`, summed over all alignments of labels with the steps of the output.

    Class 0 is the blank between labels, and fills up short rows of y_true.

    Args:
        reduction: as in Loss.
        name: for logs.
        dtype: as in Loss.

    Input shape:
        y_true (batch, labels), whole numbers from 1, then zeros; y_pred (batch, steps, classes),
        logits.

    Raises:
        ShapeError: for arrays of other ranks.

    >>> import nnlib as nn
    >>> round(float(nn.losses.CTC()([[1]], [[[0.0, 0.0], [0.0, 0.0]]])), 4) # 3 of 4 paths
    0.2877

    Source: Graves et al., ICML 2006.
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "ctc",
        dtype: Any = None,
    ):
        super().__init__(ctc, reduction, name, dtype)

    def convert_targets(self, y_true: Any) -> jax.Array:
        return as_array(self.name, y_true, jnp.int32)

    def align(self, y_true: Any, y_pred: Any) -> tuple[Any, Any]:
        return y_true, y_pred

    def check_targets(self, y_true: Any, output: Any, place: str) -> None:
        super(LossFunction, self).check_targets(y_true, output, place)
        check_without_nan(place, y_true)
        if len(output.shape) != 3 or len(y_true.shape) != 2:
            raise ShapeError(
                f"{place}: expected labels of shape (batch, labels) and an output of shape (None, "
                f"steps, classes) for ctc, got {tuple(y_true.shape)} and {output_text(output)}."
            )
        classes = known_dims(output.shape)[-1]
        if classes is not None and y_true.size and not 0 <= y_true.min() <= y_true.max() < classes:
            raise DataError(
                f"{place}: expected labels from 0 (the blank) to {classes - 1} for ctc, got "
                f"{y_true.min():g} to {y_true.max():g}. Give the last layer one unit more than "
                "there are labels."
            )
