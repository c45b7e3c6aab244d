"""To and from Grain, whose loaders read many file formats and run in processes."""

import importlib
from collections.abc import Iterator
from typing import Any

from nnlib.core.errors import ArgumentError, MissingExtraError
from nnlib.data.constants import INFINITE_CARDINALITY, UNKNOWN_CARDINALITY
from nnlib.data.node import Node, Pass, ended
from nnlib.data.rows import Listed, Rows
from nnlib.data.structure import as_element

_ENDLESS = 2**62
"""Grain gives repeated datasets a length near sys.maxsize."""


def import_grain() -> Any:
    """The module.

    Raises:
        MissingExtraError: if it is not installed.
    """
    try:
        return importlib.import_module("grain")
    except ImportError as error:
        raise MissingExtraError(
            "nn.data: expected Grain to be installed, got no module grain. "
            "Run: pip install 'nnlib[data]'."
        ) from error


class Streamed(Node):
    """What a grain IterDataset or DataLoader yields."""

    def __init__(self, source: Any):
        self.source = source

    def iterate(self, run: Pass) -> Iterator[Any]:
        """A new walk, with grain's own order and prefetching."""
        return map(as_element, iter(self.source))

    def cardinality(self) -> int:
        """Grain does not tell."""
        return UNKNOWN_CARDINALITY


class Endless(Streamed):
    """What a grain MapDataset without end yields."""

    def cardinality(self) -> int:
        """Infinite."""
        return INFINITE_CARDINALITY


def node_of(source: Any) -> Node:
    """A node that reads a grain dataset; rows by number where grain has them."""
    grain = import_grain()
    if isinstance(source, grain.MapDataset):
        return Endless(source) if len(source) >= _ENDLESS else Rows(Listed(source, in_memory=False))
    if isinstance(source, grain.IterDataset | grain.DataLoader):
        return Streamed(source)
    raise ArgumentError(
        "from_grain: expected a grain MapDataset, IterDataset or DataLoader, got "
        f"{type(source).__name__}."
    )


class _ByNumber:
    """A node as grain's random access source."""

    def __init__(self, node: Node):
        self._node = node

    def __len__(self) -> int:
        return self._node.cardinality()

    def __getitem__(self, index: int) -> Any:
        return self._node.at(int(index))


def to_grain(node: Node, run: Pass) -> Any:
    """A grain MapDataset where the node has random access and an end, else an IterDataset."""
    grain = import_grain()
    walk_base: Any = grain.DatasetIterator
    dataset_base: Any = grain.IterDataset
    if node.random_access and ended(node.cardinality()):
        return grain.MapDataset.source(_ByNumber(node))

    class _Walk(walk_base):
        """A walk through the node whose place can be saved."""

        def __init__(self) -> None:
            super().__init__()
            self._start(0)

        def _start(self, place: int) -> None:
            self._place, self._elements = place, node.iterate(run)
            for _ in range(place):
                next(self._elements)

        def __next__(self) -> Any:
            element = next(self._elements)
            self._place += 1
            return element

        def get_state(self) -> dict[str, Any]:
            return {"place": self._place}

        def set_state(self, state: dict[str, Any]) -> None:
            self._start(state["place"])

    class _Walked(dataset_base):
        """The node as grain sees it."""

        def __iter__(self) -> Any:
            return _Walk()

    return _Walked()
