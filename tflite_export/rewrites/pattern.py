"""Structural patterns: what a piece of the graph must look like for a rewrite.

    >>> x = Anything("x")
    >>> silu = Node("MUL", x, Node("LOGISTIC", x))

matches `x * logistic(x)` in either order. The same name must stand for the same tensor.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from ..graph import Tensor

Bindings: TypeAlias = dict[str, Tensor]

_COMMUTATIVE = frozenset(
    {"ADD", "MUL", "MAXIMUM", "MINIMUM", "LOGICAL_AND", "LOGICAL_OR", "EQUAL", "NOT_EQUAL"}
)


@dataclass(frozen=True)
class Anything:
    """Any tensor."""

    name: str


@dataclass(frozen=True)
class Number:
    """A constant whose elements all equal `value` to float32 accuracy."""

    value: float


@dataclass(frozen=True)
class Uniform:
    """A constant whose elements are all equal, whatever they are."""

    name: str


class Node:
    """An operator of one of the kinds, separated by `|`, with patterns for its first inputs."""

    def __init__(self, kind: str, *inputs: Pattern) -> None:
        self.kinds = frozenset(kind.split("|"))
        self.inputs = inputs
        self.commutes = len(inputs) == 2 and self.kinds <= _COMMUTATIVE


Pattern: TypeAlias = Anything | Number | Uniform | Node


def match(pattern: Pattern, tensor: Tensor) -> Bindings | None:
    """The tensors that the pattern's names stand for, or None.

    Args:
        pattern: the pattern.
        tensor: the tensor that the whole pattern computes.

    Returns:
        Tensors by name, of the first of possibly several matches.
    """
    return next(_solutions(pattern, tensor, {}), None)


def uniform_value(tensor: Tensor) -> float | None:
    """The one value that all elements of a constant have, or None."""
    data = tensor.data
    if data is None or data.size == 0 or data.dtype == object:
        return None
    first = data.flat[0]
    return float(first) if data.size == 1 or bool((data == first).all()) else None


def is_number(tensor: Tensor | None, value: float) -> bool:
    """Whether a tensor is a constant that is everywhere `value`, to float32 accuracy."""
    known = None if tensor is None else uniform_value(tensor)
    if known is None:
        return False
    return known == value or bool(np.isclose(known, value, rtol=3e-7, atol=0.0))


def _solutions(pattern: Pattern, tensor: Tensor | None, found: Bindings) -> Iterator[Bindings]:
    if tensor is None:
        return
    if isinstance(pattern, Anything | Uniform):
        if isinstance(pattern, Uniform) and uniform_value(tensor) is None:
            return
        if found.get(pattern.name, tensor) is tensor:
            yield {**found, pattern.name: tensor}
    elif isinstance(pattern, Number):
        if is_number(tensor, pattern.value):
            yield found
    elif tensor.producer is not None and tensor.producer.kind in pattern.kinds:
        inputs = tensor.producer.inputs
        yield from _sequence(pattern.inputs, inputs, found)
        if pattern.commutes:
            yield from _sequence(pattern.inputs, inputs[::-1], found)


def _sequence(
    patterns: tuple[Pattern, ...], tensors: list[Tensor | None], found: Bindings
) -> Iterator[Bindings]:
    if not patterns:
        yield found
        return
    for bindings in _solutions(patterns[0], tensors[0], found):
        yield from _sequence(patterns[1:], tensors[1:], bindings)
