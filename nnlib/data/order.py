"""Which elements, in which order: steps that choose and do not change them.

Over rows of arrays they run on row numbers, so no row is touched before its batch is cut out.
"""

from collections.abc import Iterator
from functools import cached_property
from itertools import chain, count, islice
from typing import Any

import numpy as np

from nnlib.data.constants import INFINITE_CARDINALITY, UNKNOWN_CARDINALITY
from nnlib.data.node import Node, Pass, Through, ended

_BLOCK = 4096


class Numbers(Node):
    """The Python integers 0, 1, ..., size - 1."""

    def __init__(self, size: int):
        self.size = size

    def iterate(self, run: Pass) -> Iterator[Any]:
        """The integers."""
        return iter(range(self.size))

    def cardinality(self) -> int:
        """Their number."""
        return self.size

    @property
    def random_access(self) -> bool:
        """Always."""
        return True

    def at(self, index: int) -> Any:
        """The number itself."""
        return range(self.size)[index]


class Part(Through):
    """Every `step`-th element from `start` until before `stop`; None for no end."""

    def __init__(self, parent: Node, start: int, stop: int | None, step: int = 1):
        super().__init__(parent)
        self.start, self.stop, self.step = start, stop, step

    def iterate(self, run: Pass) -> Iterator[Any]:
        """The chosen ones."""
        return islice(self.parent.iterate(run), self.start, self.stop, self.step)

    def cardinality(self) -> int:
        """The number of the chosen ones."""
        total = self.parent.cardinality()
        if total == INFINITE_CARDINALITY and self.stop is not None:
            total = self.stop
        return len(self._chosen(total)) if ended(total) else self._unknown(total)

    def _unknown(self, total: int) -> int:
        return 0 if self.stop is not None and self.stop <= self.start else total

    def _chosen(self, total: int) -> range:
        return range(total)[self.start : self.stop : self.step]

    @property
    def random_access(self) -> bool:
        """Whether the parent has it and an end."""
        return self.parent.random_access

    def at(self, index: int) -> Any:
        """The parent's element at its place."""
        return self.parent.at(self._chosen(self.parent.cardinality())[index])


class Repeat(Through):
    """The elements `times` times over; None for without end."""

    def __init__(self, parent: Node, times: int | None):
        super().__init__(parent)
        self.times = times

    def iterate(self, run: Pass) -> Iterator[Any]:
        """Round after round; without end only if a round has elements."""
        if self.times is not None:
            rounds = range(self.times)
            return chain.from_iterable(self.parent.iterate(run.inner(r)) for r in rounds)
        return self._forever(run)

    def _forever(self, run: Pass) -> Iterator[Any]:
        for number in count():
            empty = True
            for element in self.parent.iterate(run.inner(number)):
                empty = False
                yield element
            if empty:
                return

    def cardinality(self) -> int:
        """The product, or infinite."""
        total = self.parent.cardinality()
        if total == 0 or self.times == 0:
            return 0
        if self.times is None:
            return INFINITE_CARDINALITY
        return total * self.times if ended(total) else total


class Shuffle(Through):
    """Elements drawn at random from a buffer of `size` that the parent keeps full.

    A buffer as large as the parent is a uniform permutation.
    """

    def __init__(self, parent: Node, size: int, seed: int, again: bool):
        super().__init__(parent)
        self.size, self.seed, self.again = size, seed, again

    def iterate(self, run: Pass) -> Iterator[Any]:
        """The elements in the order of this pass."""
        rng = run.generator(self.seed, self.again)
        total = self.parent.cardinality()
        if isinstance(self.parent, Numbers) and self.size >= total:
            return _permutation(rng, total)
        return self._drawn(self.parent.iterate(run), rng)

    def _drawn(self, source: Iterator[Any], rng: np.random.Generator) -> Iterator[Any]:
        buffer = list(islice(source, self.size))
        if len(buffer) == self.size:
            places = _places(rng, self.size)
            for element, place in zip(source, places, strict=False):
                out = buffer[place]
                buffer[place] = element
                yield out
        for place in rng.permutation(len(buffer)).tolist():
            yield buffer[place]


def _places(rng: np.random.Generator, size: int) -> Iterator[int]:
    while True:
        yield from rng.integers(size, size=_BLOCK).tolist()


def _permutation(rng: np.random.Generator, size: int) -> Iterator[int]:
    """A permutation; in blocks, so that many rows do not become as many Python objects at once."""
    order = rng.permutation(size)
    blocks = (order[at : at + _BLOCK].tolist() for at in range(0, size, _BLOCK))
    return chain.from_iterable(blocks)


class Concatenate(Node):
    """One dataset behind the other."""

    def __init__(self, first: Node, second: Node):
        self.first, self.second = first, second

    @cached_property
    def spec(self) -> Any:
        """The specs of the first one's elements."""
        return self.first.spec

    def iterate(self, run: Pass) -> Iterator[Any]:
        """All of the first, then all of the second."""
        return chain.from_iterable(node.iterate(run) for node in (self.first, self.second))

    def cardinality(self) -> int:
        """The sum."""
        counts = self.first.cardinality(), self.second.cardinality()
        for mark in (INFINITE_CARDINALITY, UNKNOWN_CARDINALITY):
            if mark in counts:
                return mark
        return sum(counts)

    @property
    def random_access(self) -> bool:
        """Whether both have it."""
        return self.first.random_access and self.second.random_access

    def at(self, index: int) -> Any:
        """The element of the one that holds it."""
        size = self.first.cardinality()
        index = range(self.cardinality())[index]
        return self.first.at(index) if index < size else self.second.at(index - size)
