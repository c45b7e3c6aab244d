"""Where the rows of a fit come from: the device if they fit there, else the host in pieces."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from nnlib.training.batch import Batch, row_count
from nnlib.training.placement import ONE_DEVICE, Placement

RESIDENT_BYTES = 2 * 2**30
"""Data up to this size is kept on the device as a whole; on all devices of a mesh together."""
PIECE_BYTES = 64 * 2**20
"""Larger data travels in pieces of about this size; to a mesh batch by batch, cut as its rows."""


class Source:
    """Batches of arrays.

    Args:
        data: all rows, on the host or on the device.
        batch_size: rows per batch; a last batch may be shorter.
        placement: where they are needed.
    """

    def __init__(self, data: Batch, batch_size: int, placement: Placement = ONE_DEVICE):
        self.rows = row_count(data.x)
        self.batch_size = batch_size
        self.steps = -(-self.rows // batch_size)
        size = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(data))
        self.resident = size * placement.copies <= RESIDENT_BYTES
        per_batch = max(1, size * batch_size // self.rows)
        self._piece = max(1, PIECE_BYTES // per_batch) if placement.copies == 1 else 1
        self._placement = placement
        small = size <= RESIDENT_BYTES
        placement.peers.check_same(data if small else self._front(data), "data")
        self._data = placement.rows(data) if self.resident else data
        self._cut_out: tuple[tuple[int, int], Batch] | None = None

    @property
    def ragged(self) -> bool:
        """Whether the last batch is short."""
        return self.rows % self.batch_size != 0

    def order(self, key: Any) -> Any:
        """A new order of the rows, made on the device."""
        return _permutation(key, self.rows)

    def first_batch(self) -> Batch:
        """The first rows, to look at shapes and dtypes."""
        return self._front(self._data)

    def _front(self, data: Batch) -> Batch:
        return jax.tree.map(lambda a: a[: self.batch_size], data)

    def window(self, order: Any, start: int, count: int) -> tuple[Batch, Any, int, int]:
        """Batch number `start` and up to `count - 1` behind it; fewer where a piece ends.

        Returns:
            `(data, order, start, count)`: arrays on the device, the order of their rows or None,
            and which batches of them are meant.
        """
        if self.resident:
            return self._data, order, start, count
        piece = start - start % self._piece
        end = min(piece + self._piece, self.steps)
        if self._cut_out is None or self._cut_out[0] != (id(order), piece):
            self._cut_out = (id(order), piece), self._rows(order, piece, end)
        return self._cut_out[1], None, start - piece, min(count, end - start)

    def tail(self, order: Any) -> Batch:
        """The short last batch as it is."""
        return self._rows(order, self.steps - 1, self.steps)

    def _rows(self, order: Any, first: int, last: int) -> Batch:
        """The rows of batches `first` to `last` on the device."""
        rows = slice(first * self.batch_size, min(last * self.batch_size, self.rows))
        if self.resident:
            chosen = rows if order is None else order[rows]
            return jax.tree.map(lambda a: a[chosen], self._data)
        picked = rows if order is None else np.asarray(order)[rows]
        batches = jax.tree.map(lambda a: np.asarray(a)[picked], self._data)
        return (
            self._placement.batch(batches) if last - first == 1 else self._placement.rows(batches)
        )


@jax.jit
def _keyed_permutation(key: Any, indices: jax.Array) -> jax.Array:
    return jax.random.permutation(key, indices)


def _permutation(key: Any, rows: int) -> jax.Array:
    return _keyed_permutation(key, jnp.arange(rows, dtype=jnp.int32))
