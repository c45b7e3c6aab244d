"""A dataset in two parts."""

import random
from typing import Any

import numpy as np

from nnlib.core.errors import ArgumentError, DataError
from nnlib.data import Dataset
from nnlib.data.background import Prefetch
from nnlib.data.batching import Batch
from nnlib.data.rows import Arrays, Listed, Rows, Table

_PLACE = "split_dataset"


def split_dataset(
    dataset: Any,
    left_size: Any = None,
    right_size: Any = None,
    shuffle: bool = False,
    seed: int | None = None,
    preferred_backend: str | None = None,
) -> tuple[Dataset, Dataset]:
    """Two datasets: the first elements and the last ones, for training and testing say.

    Args:
        dataset: an `nn.data.Dataset` with an end, an array, or a tuple or list of arrays of one
            length. A batched one is split by rows, and both parts are batched again.
        left_size: elements on the left: a number of them, or a fraction; None for the rest.
        right_size: likewise on the right.
        shuffle: whether elements are shuffled once, before the split.
        seed: of the shuffle; the order is that of Python's `random`.
        preferred_backend: only None or "jax".

    Raises:
        ArgumentError: for sizes that do not fit, or another backend.
        DataError: for no elements, or arrays of different lengths.

    >>> import numpy as np, nnlib as nn
    >>> left, right = nn.utils.split_dataset(np.arange(10), left_size=0.8)
    >>> len(left), [int(x) for x in right]
    (8, [8, 9])
    """
    if preferred_backend not in (None, "jax"):
        raise ArgumentError(
            f"{_PLACE}: expected preferred_backend to be None or 'jax', got {preferred_backend!r}."
        )
    table, batch = _table(dataset)
    if not table.size:
        raise DataError(f"{_PLACE}: expected at least one element, got none.")
    left, right = _sizes(left_size, right_size, table.size)
    order = list(range(table.size))
    if shuffle:
        seed = random.randint(0, 10**6) if seed is None else seed
        random.Random(seed).shuffle(order)
    halves = [Dataset(Rows(_Chosen(table, np.array(o)))) for o in (order[:left], order[-right:])]
    first, second = (half.batch(batch) if batch else half for half in halves)
    return first.prefetch(), second.prefetch()


class _Chosen:
    """Some rows of a table."""

    def __init__(self, table: Table, places: np.ndarray):
        self._table, self._places = table, places
        self.size, self.spec, self.in_memory = len(places), table.spec, table.in_memory

    def row(self, index: int) -> Any:
        """The row at its place."""
        return self._table.row(int(self._places[index]))

    def rows(self, indices: np.ndarray) -> Any:
        """The rows at their places."""
        return self._table.rows(self._places[indices])


def _table(dataset: Any) -> tuple[Table, int | None]:
    """The elements by number, and the size of the batches they came in."""
    if not isinstance(dataset, Dataset):
        if not isinstance(dataset, tuple | list | np.ndarray) and not hasattr(dataset, "shape"):
            raise ArgumentError(
                f"{_PLACE}: expected an nn.data.Dataset, an array, or a tuple or list of arrays, "
                f"got {type(dataset).__name__}."
            )
        return Arrays(tuple(dataset) if isinstance(dataset, list) else dataset, _PLACE), None
    node, batch = dataset.node, None
    while isinstance(node, Prefetch):
        node = node.parent
    if isinstance(node, Batch):
        batch, dataset = node.size, dataset.unbatch()
    elif isinstance(node, Rows) and node.whole:
        return node.table, None
    if dataset.cardinality() == -1:
        raise ArgumentError(f"{_PLACE}: expected a dataset with an end, got an infinite one.")
    return Listed(list(dataset)), batch


def _sizes(left: Any, right: Any, total: int) -> tuple[int, int]:
    if left is None and right is None:
        raise ArgumentError(f"{_PLACE}: expected left_size or right_size, got neither.")
    first, second = _size("left_size", left, total), _size("right_size", right, total)
    if isinstance(left, float) and isinstance(right, float) and left + right > 1:
        raise ArgumentError(f"{_PLACE}: expected fractions up to 1, got {left} and {right}.")
    first = total - second if first is None and second is not None else first
    second = total - first if second is None and first is not None else second
    assert first is not None
    assert second is not None
    if not first or not second or first + second > total:
        raise ArgumentError(
            f"{_PLACE}: expected two parts of {total} elements with at least one each, got "
            f"{first} and {second}."
        )
    return first, second


def _size(name: str, value: Any, total: int) -> int | None:
    if value is None:
        return None
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole and not isinstance(value, float):
        raise ArgumentError(f"{_PLACE}: expected {name} to be a number, got {value!r}.")
    if not 0 < value < (total if whole else 1):
        raise ArgumentError(
            f"{_PLACE}: expected {name} to be an integer from 1 to {total - 1} or a fraction "
            f"between 0 and 1, got {value!r}."
        )
    return value if isinstance(value, int) else round(value * total)
