"""Rows of arrays: a table and an order of its rows, which need not be walked one by one."""

from collections.abc import Callable, Iterator
from functools import cached_property
from itertools import islice
from typing import Any, Protocol

import numpy as np

from nnlib.core.errors import DataError
from nnlib.data.node import Node, Pass
from nnlib.data.order import Numbers
from nnlib.data.spec import TensorSpec, shrink, spec_of
from nnlib.data.structure import as_element, as_leaf, leaves, map_structure, stack


class Table(Protocol):
    """Rows by number."""

    @property
    def size(self) -> int:
        """The number of rows."""

    @property
    def spec(self) -> Any:
        """The specs of a row."""

    @property
    def in_memory(self) -> bool:
        """Whether rows are there at once, so that caching them gains nothing."""

    def row(self, index: int) -> Any:
        """One row."""

    def rows(self, indices: np.ndarray) -> Any:
        """Several rows, stacked."""


class Arrays:
    """Rows are slices of nested arrays along their first axis.

    Args:
        tree: tuples and dicts of arrays, lists or numbers with one length.

    Raises:
        DataError: for scalars, for nothing at all, and for lengths that differ.
    """

    in_memory = True

    def __init__(self, tree: Any, place: str = "from_tensor_slices"):
        self.tree = map_structure(_numpy_or_none, tree)
        found = [leaf for leaf in leaves(self.tree) if leaf is not None]
        if not found or any(not leaf.ndim for leaf in found):
            raise DataError(f"{place}: expected arrays with a first axis, got {tree!r}.")
        if len({len(leaf) for leaf in found}) > 1:
            raise DataError(
                f"{place}: expected all arrays to have the same number of rows, got "
                f"{', '.join(str(len(leaf)) for leaf in found)}."
            )
        self.size = len(found[0])

    @cached_property
    def spec(self) -> Any:
        """The specs of a row."""
        return shrink(spec_of(self.tree))

    def row(self, index: int) -> Any:
        """A copy, which the user may write to."""
        return map_structure(lambda a: a if a is None else _copy(a[index]), self.tree)

    def rows(self, indices: np.ndarray) -> Any:
        """Copied in one go."""
        cut = run_of(indices)
        if cut is not None:
            return map_structure(lambda a: a if a is None else a[cut].copy(), self.tree)
        return map_structure(lambda a: a if a is None else a.take(indices, axis=0), self.tree)


def _numpy_or_none(leaf: Any) -> Any:
    leaf = as_leaf(leaf)
    return leaf if leaf is None else np.asarray(leaf)


def _copy(part: Any) -> Any:
    return part.copy() if isinstance(part, np.ndarray) else part


def run_of(indices: np.ndarray) -> slice | None:
    """The slice that `indices` are, if they follow on one another."""
    size = len(indices)
    if size and indices[-1] - indices[0] == size - 1 and (np.diff(indices) == 1).all():
        return slice(int(indices[0]), int(indices[0]) + size)
    return None


class Computed:
    """Rows that a function computes from their numbers, any number of them at once.

    Args:
        size: the number of rows.
        function: `(n,)` row numbers to elements stacked on a first axis of n.
        spec: the specs of a row.
    """

    in_memory = True

    def __init__(self, size: int, function: Callable[[np.ndarray], Any], spec: Any):
        self.size, self.spec, self.rows = size, spec, function

    def row(self, index: int) -> Any:
        """One of the many."""
        return map_structure(lambda a: a[0], self.rows(np.array([index])))


class Listed:
    """Elements in a list or in anything else with numbers, such as grain's MapDataset."""

    def __init__(self, items: Any, in_memory: bool = True):
        self.items, self.size, self.in_memory = items, len(items), in_memory

    @cached_property
    def spec(self) -> Any:
        """The specs of the first element."""
        return spec_of(self.row(0))

    def row(self, index: int) -> Any:
        """The element."""
        return as_element(self.items[index])

    def rows(self, indices: np.ndarray) -> Any:
        """The elements, stacked."""
        return stack([self.row(index) for index in indices.tolist()])


class Side:
    """Several tables side by side, one to a leaf of `tables`; as long as the shortest."""

    def __init__(self, tables: Any):
        self.tables = tables
        self.size = min(table.size for table in leaves(tables))

    @property
    def in_memory(self) -> bool:
        """Whether all are."""
        return all(table.in_memory for table in leaves(self.tables))

    @property
    def spec(self) -> Any:
        """The specs of all."""
        return map_structure(lambda table: table.spec, self.tables)

    def row(self, index: int) -> Any:
        """A row of each."""
        return map_structure(lambda table: table.row(index), self.tables)

    def rows(self, indices: np.ndarray) -> Any:
        """Rows of each."""
        return map_structure(lambda table: table.rows(indices), self.tables)


class Rows(Node):
    """The rows of a table in an order.

    Args:
        table: the rows.
        order: a node of row numbers; None for all from the first to the last.
    """

    def __init__(self, table: Table, order: Node | None = None):
        self.table = table
        self.order = Numbers(table.size) if order is None else order

    @property
    def whole(self) -> bool:
        """Whether it is the whole table from the first row to the last."""
        return isinstance(self.order, Numbers)

    @cached_property
    def spec(self) -> Any:
        """The specs of a row."""
        return self.table.spec

    def iterate(self, run: Pass) -> Iterator[Any]:
        """Row by row."""
        return map(self.table.row, self.order.iterate(run))

    def numbers(self, run: Pass, size: int, drop_remainder: bool) -> Iterator[np.ndarray]:
        """The row numbers of one batch after the other."""
        order = self.order.iterate(run)
        while True:
            indices = np.fromiter(islice(order, size), np.int64)
            if not len(indices) or (drop_remainder and len(indices) < size):
                return
            yield indices

    def cardinality(self) -> int:
        """The length of the order."""
        return self.order.cardinality()

    @property
    def random_access(self) -> bool:
        """Whether the order has it."""
        return self.order.random_access

    def at(self, index: int) -> Any:
        """The row at its place in the order."""
        return self.table.row(self.order.at(index))


def integers(start: int, stop: int, step: int, dtype: Any) -> Rows:
    """The numbers of `range(start, stop, step)`."""
    numbers = range(start, stop, step)

    def compute(indices: np.ndarray) -> np.ndarray:
        return (start + step * indices).astype(dtype)

    return Rows(Computed(len(numbers), compute, TensorSpec((), dtype)))
