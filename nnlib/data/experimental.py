"""Names under tf.data.experimental."""

from collections.abc import Callable, Iterator
from typing import Any

from nnlib.core.errors import DataError
from nnlib.data import checks
from nnlib.data.constants import AUTOTUNE, INFINITE_CARDINALITY, UNKNOWN_CARDINALITY
from nnlib.data.dataset import Dataset
from nnlib.data.node import Node, Pass, Through, ended
from nnlib.data.options import AutoShardPolicy, DistributeOptions, ThreadingOptions

__all__ = [
    "AUTOTUNE",
    "INFINITE_CARDINALITY",
    "UNKNOWN_CARDINALITY",
    "AutoShardPolicy",
    "DistributeOptions",
    "ThreadingOptions",
    "assert_cardinality",
    "at",
    "cardinality",
]


def cardinality(dataset: Dataset) -> int:
    """The number of elements, as `dataset.cardinality()`."""
    return dataset.cardinality()


def at(dataset: Dataset, index: int) -> Any:
    """Element number `index` without those before it.

    Raises:
        ArgumentError: behind shuffle, filter and other steps where that is not possible.
        IndexError: if there is no such element.

    >>> import nnlib as nn
    >>> dataset = nn.data.Dataset.range(10).map(lambda x: x * x)
    >>> int(nn.data.experimental.at(dataset, 3))
    9
    """
    return dataset.node.at(checks.integer("at", "index", index, least=0))


def assert_cardinality(expected_cardinality: int) -> Callable[[Dataset], Dataset]:
    """A transformation that says how many elements there are; for `dataset.apply`.

    Raises:
        DataError: at the end of a pass that had more or fewer.

    >>> import nnlib as nn
    >>> dataset = nn.data.Dataset.range(6).filter(lambda x: x % 2 == 0)
    >>> len(dataset.apply(nn.data.experimental.assert_cardinality(3)))
    3
    """
    expected = checks.integer("assert_cardinality", "expected_cardinality", expected_cardinality)

    def apply(dataset: Dataset) -> Dataset:
        return Dataset(_Asserted(dataset.node, expected), dataset.options())

    return apply


class _Asserted(Through):
    """The parent's elements, counted."""

    def __init__(self, parent: Node, expected: int):
        super().__init__(parent)
        self.expected = expected

    def iterate(self, run: Pass) -> Iterator[Any]:
        """The elements; at the end their number is compared."""
        count = 0
        for element in self.parent.iterate(run):
            count += 1
            if ended(self.expected) and count > self.expected:
                raise self._wrong("more")
            yield element
        if self.expected not in (UNKNOWN_CARDINALITY, count):
            raise self._wrong(str(count))

    def _wrong(self, got: str) -> DataError:
        return DataError(f"assert_cardinality: expected {self.expected} elements, got {got}.")

    def cardinality(self) -> int:
        """What was said."""
        return self.expected
