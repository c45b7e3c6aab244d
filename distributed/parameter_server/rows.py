"""Rows of a weight: gradients of tables of which a batch looks up a few rows only."""

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from nnlib.core.errors import ArgumentError


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Rows:
    """Some rows of a weight, or of its gradient, which is 0 in all others.

    Args:
        ids: (count,) integers from 0 on, in any order; one that comes twice counts as the sum of
            both.
        values: (count, ...) the rows, numbers of the shape and dtype of the weight's rows.

    >>> import numpy as np
    >>> Rows(np.array([2, 0, 2]), np.ones((3, 1))).dense((3, 1)).tolist()
    [[1.0], [0.0], [2.0]]

    Source: tf.IndexedSlices of TensorFlow has the same meaning.
    """

    ids: Any
    values: Any

    def summed(self) -> "Rows":
        """The same with each row once, in their order."""
        ids, values = np.asarray(self.ids), np.asarray(self.values)
        if (ids[1:] > ids[:-1]).all():
            return Rows(ids, values)
        once, where = np.unique(ids, return_inverse=True)
        total = np.zeros((len(once), *values.shape[1:]), values.dtype)
        np.add.at(total, where, values)
        return Rows(once, total)

    def within(self, rows: slice) -> "Rows":
        """Those between two rows, each once, in their order, counted from the first of the two."""
        own = self.summed()
        first, last = np.searchsorted(own.ids, (rows.start, rows.stop))
        return Rows(own.ids[first:last] - rows.start, own.values[first:last])

    def dense(self, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
        """The whole gradient."""
        rows = self.summed()
        whole = np.zeros(shape, rows.values.dtype)
        whole[rows.ids] = rows.values
        return whole


def checked(place: str, rows: Rows, shape: tuple[int, ...]) -> Rows:
    """The rows, each once.

    Raises:
        ArgumentError: if they are not rows of a weight of this shape.
    """
    ids, values = checked_ids(place, rows.ids, shape), np.asarray(rows.values)
    if values.shape != (len(ids), *shape[1:]):
        raise ArgumentError(f"{place}, got {len(ids)} ids and values of {values.shape}.")
    return Rows(ids, values).summed()


def checked_ids(place: str, ids: Any, shape: tuple[int, ...]) -> Any:
    """Ids of rows.

    Raises:
        ArgumentError: if a weight of this shape has no such rows.
    """
    ids = np.asarray(ids)
    if ids.ndim != 1 or not np.issubdtype(ids.dtype, np.integer):
        raise ArgumentError(f"{place}, got ids of {ids.dtype} {ids.shape}. Pass (count,) integers.")
    rows = shape[0] if shape else 0
    if ids.size and not (ids.min() >= 0 and ids.max() < rows):
        raise ArgumentError(f"{place}, got ids from {ids.min()} to {ids.max()}.")
    return ids
