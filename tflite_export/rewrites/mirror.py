"""MIRROR_PAD from the reversed slices that jnp.pad puts at the ends."""

from __future__ import annotations

import numpy as np

from ..graph import Graph, Op, Tensor
from ..symbolic import is_static
from .driver import RuleSet

mirror = RuleSet()

_MODES = {1: "REFLECT", 0: "SYMMETRIC"}  # by the number of edge elements that are left out


@mirror.on("CONCATENATION")
def mirrored_end(graph: Graph, op: Op) -> bool:
    """One end of an axis: the reverse of a slice of what it is put on."""
    if len(op.inputs) != 2 or op.out.dtype != np.float32 or op.out.rank > 4:
        return False
    axis = op.options["axis"] % op.out.rank
    for position in (0, 1):
        x, end = op.operand(1 - position), op.operand(position)
        found = _mirrored(graph, x, end, axis, at_front=position == 0)
        if found is None:
            continue
        count, mode = found
        pads = np.zeros((x.rank, 2), np.int32)
        pads[axis, position] = count
        y = graph.add("MIRROR_PAD", [x, graph.constant(pads)], op.out.shape, mode=mode)
        graph.replace(op.out, y)
        return True
    return False


def _mirrored(
    graph: Graph, x: Tensor, end: Tensor, axis: int, at_front: bool
) -> tuple[int, str] | None:
    """Number of elements mirrored at an end of x, and the mode."""
    turned = graph.sole_producer(end, "REVERSE_V2")
    if turned is None or np.asarray(turned.operand(1).data).tolist() != [axis]:
        return None
    cut, length, count = turned.operand(0), x.shape[axis], end.shape[axis]
    if not is_static(length) or not is_static(count) or count >= length:
        return None
    start = _slice_start(cut, x, axis)
    if start is None:
        return None
    left_out = start if at_front else length - count - start
    return (count, _MODES[left_out]) if left_out in _MODES else None


def _slice_start(cut: Tensor, x: Tensor, axis: int) -> int | None:
    """Where a slice of x along one axis begins."""
    op = cut.producer
    if op is None or op.kind != "SLICE" or op.operand(0) is not x:
        return None
    begin = op.operand(1).data
    if begin is None or any(int(b) for a, b in enumerate(begin) if a != axis):
        return None
    sizes = zip(cut.shape, x.shape, strict=True)
    whole = all(str(n) == str(m) for a, (n, m) in enumerate(sizes) if a != axis)
    return int(begin[axis]) if whole else None


@mirror.on("MIRROR_PAD")
def one_mirror(graph: Graph, op: Op) -> bool:
    """Mirrors at several ends and axes are one; both ends mirror the same original elements."""
    before = graph.sole_producer(op.operand(0), "MIRROR_PAD")
    if before is None or before.options != op.options:
        return False
    first, second = before.operand(1).data, op.operand(1).data
    assert first is not None
    assert second is not None
    x, spared = before.operand(0), 1 if op.options["mode"] == "REFLECT" else 0
    for axis, counts in enumerate(first + second):
        length = x.shape[axis]
        if counts.any() and (not is_static(length) or counts.max() > length - spared):
            return False
    if ((first > 0) & (second > 0)).any():
        return False
    pads = graph.constant(first + second)
    graph.replace(op.out, graph.add("MIRROR_PAD", [x, pads], op.out.shape, **op.options))
    return True
