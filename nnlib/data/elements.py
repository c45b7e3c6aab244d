"""Steps that work on one element at a time."""

from collections.abc import Callable, Iterator
from functools import cached_property
from itertools import takewhile
from typing import Any

import numpy as np

from nnlib.core.errors import DataError
from nnlib.data.background import mapped
from nnlib.data.constants import INFINITE_CARDINALITY, UNKNOWN_CARDINALITY
from nnlib.data.node import Node, Pass, Through, look
from nnlib.data.spec import TensorSpec, spec_of
from nnlib.data.structure import as_element, call, leaves, map_structure


class Map(Through):
    """A function of each element.

    Args:
        parallel: threads; None for none, AUTOTUNE for one per processor.
        ordered: whether results keep the order of elements; None for what the options say.
    """

    def __init__(
        self,
        parent: Node,
        function: Callable[..., Any],
        parallel: int | None,
        ordered: bool | None,
    ):
        super().__init__(parent)
        self.function, self.parallel, self.ordered = function, parallel, ordered

    @cached_property
    def spec(self) -> Any:
        """The specs of what the function returns for the first element."""
        return look(self)

    def _apply(self, element: Any) -> Any:
        return as_element(call(self.function, element))

    def iterate(self, run: Pass) -> Iterator[Any]:
        """The results."""
        source = self.parent.iterate(run)
        return mapped(self._apply, source, self.parallel, self.ordered, run.options)

    @property
    def random_access(self) -> bool:
        """Whether the parent has it."""
        return self.parent.random_access

    def at(self, index: int) -> Any:
        """The function of the parent's element."""
        return self._apply(self.parent.at(index))


class Filter(Through):
    """The elements for which a predicate holds."""

    def __init__(self, parent: Node, predicate: Callable[..., Any]):
        super().__init__(parent)
        self.predicate = predicate

    def iterate(self, run: Pass) -> Iterator[Any]:
        """Those that pass."""
        return filter(lambda e: _truth(call(self.predicate, e)), self.parent.iterate(run))

    def cardinality(self) -> int:
        """Nobody knows before."""
        return 0 if self.parent.cardinality() == 0 else UNKNOWN_CARDINALITY


class TakeWhile(Filter):
    """The elements before the first one for which a predicate fails."""

    def iterate(self, run: Pass) -> Iterator[Any]:
        """Those before."""
        return takewhile(lambda e: _truth(call(self.predicate, e)), self.parent.iterate(run))


def _truth(value: Any) -> bool:
    if np.ndim(value):
        raise DataError(
            f"filter: expected the predicate to return one bool, got shape {np.shape(value)}. "
            "Reduce it with .all() or .any()."
        )
    return bool(value)


class Enumerate(Through):
    """(number, element)."""

    def __init__(self, parent: Node, start: int):
        super().__init__(parent)
        self.start = start

    @cached_property
    def spec(self) -> Any:
        """An int64 beside the parent's specs."""
        return TensorSpec((), np.int64), self.parent.spec

    def iterate(self, run: Pass) -> Iterator[Any]:
        """Numbered elements."""
        numbered = enumerate(self.parent.iterate(run), self.start)
        return ((np.int64(number), element) for number, element in numbered)

    @property
    def random_access(self) -> bool:
        """Whether the parent has it."""
        return self.parent.random_access

    def at(self, index: int) -> Any:
        """The number with the parent's element."""
        place = range(self.parent.cardinality())[index]
        return np.int64(self.start + place), self.parent.at(place)


class Zip(Node):
    """An element of each, in the structure in which the nodes are given; ends with the first."""

    def __init__(self, nodes: Any):
        self.nodes = nodes

    @cached_property
    def spec(self) -> Any:
        """The specs of all."""
        return map_structure(lambda node: node.spec, self.nodes)

    def iterate(self, run: Pass) -> Iterator[Any]:
        """Elements side by side."""
        columns = [node.iterate(run) for node in leaves(self.nodes)]
        for row in zip(*columns, strict=False):
            parts = iter(row)
            yield map_structure(lambda _, parts=parts: next(parts), self.nodes)

    def cardinality(self) -> int:
        """That of the shortest."""
        counts = [node.cardinality() for node in leaves(self.nodes)]
        if UNKNOWN_CARDINALITY in counts:
            return UNKNOWN_CARDINALITY
        finite = [size for size in counts if size != INFINITE_CARDINALITY]
        return min(finite, default=INFINITE_CARDINALITY)

    @property
    def random_access(self) -> bool:
        """Whether all have it."""
        return all(node.random_access for node in leaves(self.nodes))

    def at(self, index: int) -> Any:
        """An element of each."""
        place = range(self.cardinality())[index]
        return map_structure(lambda node: node.at(place), self.nodes)


class Constant(Node):
    """One element."""

    def __init__(self, element: Any):
        self.element = element

    @cached_property
    def spec(self) -> Any:
        """Its specs."""
        return spec_of(self.element)

    def iterate(self, run: Pass) -> Iterator[Any]:
        """It alone."""
        return iter((self.at(0),))

    def cardinality(self) -> int:
        """One."""
        return 1

    @property
    def random_access(self) -> bool:
        """Always."""
        return True

    def at(self, index: int) -> Any:
        """A copy of it."""
        range(1)[index]
        return map_structure(lambda a: a.copy() if hasattr(a, "copy") else a, self.element)
