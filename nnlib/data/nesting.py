"""Steps whose function returns a dataset for each element."""

from collections.abc import Callable, Iterator
from functools import cached_property
from itertools import chain, islice
from typing import Any

from nnlib.core.errors import ArgumentError
from nnlib.data.background import prefetch, processors
from nnlib.data.constants import UNKNOWN_CARDINALITY
from nnlib.data.node import Node, Pass, Through, look
from nnlib.data.structure import call


class FlatMap(Through):
    """The elements of the datasets that a function returns, one dataset after the other."""

    place = "flat_map"

    def __init__(self, parent: Node, function: Callable[..., Any]):
        super().__init__(parent)
        self.function = function

    @cached_property
    def spec(self) -> Any:
        """The specs of the first element that comes out."""
        return look(self)

    def opened(self, run: Pass) -> Iterator[Iterator[Any]]:
        """A walk through each of the datasets."""
        for number, element in enumerate(self.parent.iterate(run)):
            dataset = call(self.function, element)
            node = getattr(dataset, "node", None)
            if not isinstance(node, Node):
                raise ArgumentError(
                    f"{self.place}: expected the function to return a Dataset, got "
                    f"{type(dataset).__name__}. Use map for functions that return elements."
                )
            yield node.iterate(run.inner(number))

    def iterate(self, run: Pass) -> Iterator[Any]:
        """All elements of all datasets."""
        return chain.from_iterable(self.opened(run))

    def cardinality(self) -> int:
        """Nobody knows before."""
        return 0 if self.parent.cardinality() == 0 else UNKNOWN_CARDINALITY


class Interleave(FlatMap):
    """Blocks of elements from `cycle` datasets in turn; one that ends makes room for the next.

    Args:
        block: consecutive elements from one dataset.
        parallel: how many of them are read ahead in threads of their own; None for none.
    """

    place = "interleave"

    def __init__(
        self, parent: Node, function: Callable[..., Any], cycle: int, block: int, parallel: Any
    ):
        super().__init__(parent, function)
        self.cycle, self.block, self.parallel = cycle, block, parallel

    def opened(self, run: Pass) -> Iterator[Iterator[Any]]:
        """A walk through each of the datasets, some of them ahead."""
        found = super().opened(run)
        if self.parallel is None:
            return found
        threads = processors() if self.parallel < 0 else self.parallel
        return (
            prefetch(source, self.block) if number % self.cycle < threads else source
            for number, source in enumerate(found)
        )

    def iterate(self, run: Pass) -> Iterator[Any]:
        """Block by block around the cycle."""
        waiting = self.opened(run)
        slots: list[Iterator[Any] | None] = list(islice(waiting, self.cycle))
        while any(slot is not None for slot in slots):
            for place, slot in enumerate(slots):
                if slot is None:
                    continue
                given = 0
                for element in islice(slot, self.block):
                    given += 1
                    yield element
                if given < self.block:
                    slots[place] = next(waiting, None)
