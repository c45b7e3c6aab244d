"""Positions that are known only while running: clipping, checking, counting through axes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..graph import Tensor
from ..symbolic import Dim, is_static, same_dim
from .elementwise import binary
from .known_range import known_range
from .lowerer import Lowerer


def clipped(lowerer: Lowerer, start: Tensor, last: Dim) -> Tensor:
    """Positions moved into 0 ... `last`."""
    graph = lowerer.graph
    if start.dtype != np.int32:
        start = graph.add("CAST", [start], start.shape, np.int32)
    if is_static(last) and start.data is not None:
        inside = bool(((start.data >= 0) & (start.data <= last)).all())
        return start if inside else graph.constant(np.clip(start.data, 0, last).astype(np.int32))
    lowest, highest = known_range(start)
    if lowest < 0:
        start = binary(lowerer, "MAXIMUM", start, graph.constant(np.int32(0)))
    if is_static(last) and highest <= last:
        return start
    return binary(lowerer, "MINIMUM", start, lowerer.dim(last))


def within(lowerer: Lowerer, starts: Sequence[Tensor], last: Sequence[Dim]) -> Tensor | None:
    """Whether all coordinates of a position lie in 0 ... `last`; None if they certainly do."""
    zero = lowerer.graph.constant(np.int32(0))
    known: np.ndarray | None = None
    tests = []
    for start, top in zip(starts, last, strict=True):
        if start.data is not None and is_static(top):
            inside = (start.data >= 0) & (start.data <= top)
            known = inside if known is None else known & inside
            continue
        lowest, highest = known_range(start)
        if lowest < 0:
            tests.append(binary(lowerer, "GREATER_EQUAL", start, zero, np.bool_))
        if not is_static(top) or highest > top:
            tests.append(binary(lowerer, "LESS_EQUAL", start, lowerer.dim(top), np.bool_))
    if known is not None and not known.all():
        tests.append(lowerer.graph.constant(known))
    if not tests:
        return None
    valid = tests[0]
    for test in tests[1:]:
        valid = binary(lowerer, "LOGICAL_AND", valid, test)
    return valid


def cell_numbers(
    lowerer: Lowerer, starts: Sequence[Tensor], lengths: Sequence[Dim], spread: Sequence[Dim]
) -> Tensor:
    """Positions in the merged axes, with one more axis for each window of several elements.

    Args:
        lowerer: the lowering.
        starts: coordinates of the windows' first elements, int32, all of one shape.
        lengths: sizes of the axes.
        spread: sizes of the windows on these axes.

    Returns:
        int32 of the shape of the starts, followed by one axis for each window (of size 1 for a
        single element) if there is any window of more than one element.
    """
    count = len(starts)
    windows = any(not same_dim(size, 1) for size in spread)
    total: Tensor | None = None
    for number, (first, size) in enumerate(zip(starts, spread, strict=True)):
        start = first
        if windows:
            apart = lowerer.reshape(first, (*first.shape, *[1] * count))
            steps = lowerer.reshape(counting(lowerer, size), (size, *[1] * (count - number - 1)))
            start = _arithmetic(lowerer, "ADD", apart, steps)
        if total is not None:
            total = _arithmetic(lowerer, "MUL", total, lowerer.dim(lengths[number]))
        total = start if total is None else _arithmetic(lowerer, "ADD", total, start)
    assert total is not None
    return total


def counting(lowerer: Lowerer, count: Dim) -> Tensor:
    """0, 1, 2 ... `count` - 1 as int32."""
    if is_static(count):
        return lowerer.graph.constant(np.arange(count, dtype=np.int32))
    zero, one = lowerer.dim(0), lowerer.dim(1)
    return lowerer.graph.add("RANGE", [zero, lowerer.dim(count), one], (count,), np.int32)


def _arithmetic(lowerer: Lowerer, kind: str, left: Tensor, right: Tensor) -> Tensor:
    if left.data is not None and right.data is not None:
        function = np.add if kind == "ADD" else np.multiply
        return lowerer.graph.constant(function(left.data, right.data))
    return binary(lowerer, kind, left, right)
