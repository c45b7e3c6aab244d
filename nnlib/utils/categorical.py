"""One-hot rows from class labels."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from nnlib.core.compat import is_traced
from nnlib.core.errors import ArgumentError, DataError, DTypeError


def to_categorical(x: Any, num_classes: int | None = None) -> Any:
    """One-hot rows: `row[label] = 1`, all else 0.

    Args:
        x: whole numbers from 0 to num_classes - 1, of shape (...,) or (..., 1).
        num_classes: length of a row; None for the largest label plus one.

    Returns:
        float32 of shape (..., num_classes); a jax array for a jax array, else a numpy array.

    Raises:
        DTypeError: for labels that are no numbers.
        DataError: for labels that are negative, too large, or not whole.
        ArgumentError: for num_classes below 1, or left out where values are not known (in jit).

    >>> import nnlib as nn
    >>> nn.utils.to_categorical([0, 2], num_classes=3)
    array([[1., 0., 0.],
           [0., 0., 1.]], dtype=float32)
    """
    if isinstance(x, jax.Array):
        return _jax_rows(x, num_classes)
    labels = _whole_numbers(np.asarray(x))
    count = _checked_count(labels, num_classes)
    rows = np.zeros((labels.size, count), np.float32)
    rows[np.arange(labels.size), labels.ravel()] = 1.0
    return rows.reshape(*labels.shape, count)


def _jax_rows(x: jax.Array, num_classes: int | None) -> jax.Array:
    if not is_traced():
        labels = _whole_numbers(np.asarray(x))
        return jax.nn.one_hot(labels, _checked_count(labels, num_classes), dtype=jnp.float32)
    if num_classes is None:
        raise ArgumentError(
            "to_categorical: expected num_classes inside of jit, where labels are not known, "
            "got None. Pass num_classes=."
        )
    x = x.squeeze(-1) if x.ndim > 1 and x.shape[-1] == 1 else x
    return jax.nn.one_hot(x.astype(jnp.int32), _positive(num_classes), dtype=jnp.float32)


def _whole_numbers(labels: np.ndarray) -> np.ndarray:
    """`labels` as integers, without a trailing axis of size 1."""
    if labels.dtype.kind not in "biuf":
        raise DTypeError(
            f"to_categorical: expected numbers, got dtype {labels.dtype}. Number the classes "
            "first: names, labels = np.unique(labels, return_inverse=True)."
        )
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    whole = labels.astype(np.int64) if np.isfinite(labels).all() else np.zeros(labels.shape, int)
    if labels.dtype.kind == "f" and (wrong := labels[whole != labels]).size:
        raise DataError(f"to_categorical: expected whole numbers, got {wrong.flat[0]}.")
    return whole


def _checked_count(labels: np.ndarray, num_classes: int | None) -> int:
    if num_classes is None:
        if not labels.size:
            raise ArgumentError(
                "to_categorical: expected num_classes for an empty array, got None."
            )
        count = int(labels.max()) + 1
    else:
        count = _positive(num_classes)
    for label in (int(labels.min()), int(labels.max())) if labels.size else ():
        if not 0 <= label < max(count, 1):
            raise DataError(
                f"to_categorical: expected labels from 0 to {max(count, 1) - 1}, got {label}. "
                "Labels begin at 0; num_classes is the largest one plus one."
            )
    return count


def _positive(num_classes: Any) -> int:
    if (
        isinstance(num_classes, bool)
        or not isinstance(num_classes, int | np.integer)
        or num_classes < 1
    ):
        raise ArgumentError(
            f"to_categorical: expected num_classes to be an integer above 0, got {num_classes!r}."
        )
    return int(num_classes)
