"""A step of a dataset: how many elements, of what shape, and how to walk through them."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from nnlib.core.errors import ArgumentError, DataError
from nnlib.data.constants import INFINITE_CARDINALITY, UNKNOWN_CARDINALITY
from nnlib.data.options import Options
from nnlib.data.spec import spec_of


@dataclass(frozen=True)
class Pass:
    """One walk through a dataset.

    `key` numbers it: the number of the epoch, then that of each repetition inside. Random steps
    draw from their seed and this key, so an epoch can be had again without those before it.
    """

    key: tuple[int, ...] = (0,)
    options: Options = field(default_factory=Options)

    def inner(self, number: int) -> "Pass":
        """The pass of the repetition `number` within this one."""
        return replace(self, key=(*self.key, number))

    def generator(self, seed: int, again: bool = True) -> np.random.Generator:
        """Random numbers of this pass; of all passes the same ones without `again`."""
        key = self.key if again else ()
        return np.random.Generator(np.random.Philox(np.random.SeedSequence(seed, spawn_key=key)))


class Node(ABC):
    """A source of elements or a transformation of other nodes; immutable."""

    @abstractmethod
    def iterate(self, run: Pass) -> Iterator[Any]:
        """The elements, from the first one."""

    @abstractmethod
    def cardinality(self) -> int:
        """The number of elements, INFINITE_CARDINALITY or UNKNOWN_CARDINALITY."""

    @cached_property
    def spec(self) -> Any:
        """The specs of an element, by looking at the first one where nothing else tells."""
        return look(self)

    @property
    def random_access(self) -> bool:
        """Whether `at` works."""
        return False

    def at(self, index: int) -> Any:
        """The element number `index` without those before it."""
        raise ArgumentError(
            f"at: expected a dataset with random access, got a step {type(self).__name__} that "
            "has none. Ask before shuffle, filter and the like."
        )


def look(node: Node) -> Any:
    """The specs of the first element, which is computed for it.

    Raises:
        DataError: if there is none.
    """
    for element in node.iterate(Pass()):
        return spec_of(element)
    raise DataError("element_spec: expected at least one element to look at, got none.")


class Through(Node):
    """A transformation of one parent, as many elements of the same kind as it has."""

    def __init__(self, parent: Node):
        self.parent = parent

    def cardinality(self) -> int:
        """The number of elements of the parent."""
        return self.parent.cardinality()

    @cached_property
    def spec(self) -> Any:
        """The specs of the parent's elements."""
        return self.parent.spec


def ended(count: int) -> bool:
    """Whether `count` is a number of elements, not infinite or unknown."""
    return count not in (INFINITE_CARDINALITY, UNKNOWN_CARDINALITY)
