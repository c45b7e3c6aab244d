"""From the ranges of the traced function's values to those of a graph's tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..graph import Graph, Op, Origin, Tensor
from .kernels import KERNELS, Scales, is_float, values_read
from .monotonous import range_after
from .ranges import Range

# What these compute has the range of what they read, and the other way round.
_PERMUTING = ("RESHAPE", "SQUEEZE", "TRANSPOSE", "REVERSE_V2", "BROADCAST_TO")
_COPYING = ("RESHAPE", "SQUEEZE", "TILE", "BROADCAST_TO", "CAST")
_PARTING = ("SPLIT", "SPLIT_V", "UNPACK")


def ranges_of(graph: Graph, found: Mapping[Origin, Range]) -> dict[Tensor, Range]:
    """The range of each tensor that is known, also next to operators that only move elements.

    Args:
        graph: a legal graph.
        found: ranges from calibration.

    Returns:
        Ranges of float tensors that are no constants, in the graphs inside operators too.
    """
    known: dict[Tensor, Range] = {}
    for part in graph.all_graphs():
        known.update(_observed(part, found))
    _propagate(graph, known)
    return known


def constant_range(tensor: Tensor) -> Range | None:
    """The finite part of a constant's range: an infinity is stored as the last step."""
    if tensor.data is None:
        return None
    finite = tensor.data[np.isfinite(tensor.data)]
    return Range(float(finite.min(initial=0.0)), float(finite.max(initial=0.0)))


def _observed(graph: Graph, found: Mapping[Origin, Range]) -> dict[Tensor, Range]:
    ops = graph.ordered()
    tensors = [*graph.inputs, *(out for op in ops for out in op.outputs)]
    known = {
        tensor: found[tensor.origin]
        for tensor in tensors
        if is_float(tensor) and tensor.origin is not None and tensor.origin in found
    }
    for tensor, bounds in _filled(ops).items():
        if is_float(tensor):
            known.setdefault(tensor, bounds)
    for op in reversed(ops):
        if op.kind in _PERMUTING and op.out in known and op.operand(0).data is None:
            known.setdefault(op.operand(0), known[op.out])
        elif op.kind in _PARTING:
            _gather_parts(op, known)
    return known


def _filled(ops: Sequence[Op]) -> dict[Tensor, Range]:
    """Ranges of what is filled while running, as the first values of carries over a free batch."""
    found: dict[Tensor, Range] = {}
    for op in ops:
        own: Range | None = None
        if op.kind == "ZEROS_LIKE":
            own = Range(0.0, 0.0)
        elif op.kind == "FILL":
            own = constant_range(op.operand(1))
        elif op.kind in _COPYING:
            own = found.get(op.operand(0))
        elif op.kind == "ADD" and found.get(op.operand(0)) == Range(0.0, 0.0):
            own = constant_range(op.operand(1))
        if own is not None:
            found[op.out] = own
    return found


def _gather_parts(op: Op, known: dict[Tensor, Range]) -> None:
    """The range of what an operator cuts in parts, where it is known of all parts."""
    (whole,) = values_read(op)
    bounds = _together([known.get(part) for part in op.outputs])
    if bounds is not None:
        known.setdefault(whole, bounds)


def _together(parts: Sequence[Range | None]) -> Range | None:
    bounds = parts[0]
    for part in parts[1:]:
        bounds = None if bounds is None or part is None else bounds.union(part)
    return bounds


def _propagate(graph: Graph, known: dict[Tensor, Range]) -> None:
    """Add what follows from the ranges of a graph's inputs."""
    for op in graph.ordered():
        if op.kind == "WHILE":
            _loop(op, known)
        elif op.kind == "IF":
            _branches(op, known)
        computed = range_after(op, known.get(op.operand(0)) if op.inputs else None)
        if computed is not None:
            known.setdefault(op.out, computed)
        kernel = KERNELS.get(op.kind)
        if kernel is None or kernel.scales is not Scales.INPUT:
            continue
        read = values_read(op)
        if read and read[0] in known:
            for out in op.outputs:
                if is_float(out):
                    known.setdefault(out, known[read[0]])


def _branches(op: Op, known: dict[Tensor, Range]) -> None:
    for graph in op.graphs:
        for outer, inner in zip(op.inputs[1:], graph.inputs, strict=True):
            _set(known, inner, range_of(outer, known))
        _propagate(graph, known)
    for number, outer in enumerate(op.outputs):
        bounds = _together([range_of(graph.outputs[number], known) for graph in op.graphs])
        if bounds is not None and is_float(outer):
            known.setdefault(outer, bounds)


def _loop(op: Op, known: dict[Tensor, Range]) -> None:
    """What a carry is in any round: before the first, or after one of the others."""
    condition, body = op.graphs
    carried: list[Range | None] = [
        known.get(op.outputs[number]) if _is_overwritten(body, number) else range_of(value, known)
        for number, value in enumerate(op.inputs)
    ]
    observed = dict(known)
    for _ in range(2 * len(carried) + 2):
        inside = dict(observed)
        for number, bounds in enumerate(carried):
            _set(inside, body.inputs[number], bounds)
            if _is_overwritten(body, number):
                _set(inside, body.outputs[number], bounds)
        _propagate(body, inside)
        grown = [_grown(body, n, bounds, inside) for n, bounds in enumerate(carried)]
        if grown == carried:
            break
        carried = grown
    else:
        return  # carries that move through each other without end
    known.update(inside)
    for number, bounds in enumerate(carried):
        _set(known, condition.inputs[number], bounds)
        if bounds is not None and is_float(op.outputs[number]):
            known.setdefault(op.outputs[number], bounds)
    _propagate(condition, known)


def _grown(
    body: Graph, number: int, bounds: Range | None, inside: Mapping[Tensor, Range]
) -> Range | None:
    after = body.outputs[number]
    if bounds is None or after is body.inputs[number] or _is_overwritten(body, number):
        return bounds
    new = range_of(after, inside)
    return None if new is None else bounds.union(new)


def _is_overwritten(body: Graph, number: int) -> bool:
    """Whether a loop does nothing with a carry but write into it, as with stacked results.

    Nobody sees what such a carry was before its rows were written.
    """
    before, after = body.inputs[number], body.outputs[number]
    op = after.producer
    if op is None or op.kind != "DYNAMIC_UPDATE_SLICE" or op.operand(0) is not before:
        return False
    return body.uses(before) == 1 and body.uses(after) == 1


def range_of(tensor: Tensor | None, known: Mapping[Tensor, Range]) -> Range | None:
    """The range of a float tensor, also of a constant; None if it is unknown."""
    if tensor is None or not is_float(tensor):
        return None
    return constant_range(tensor) or known.get(tensor)


def _set(known: dict[Tensor, Range], tensor: Tensor, bounds: Range | None) -> None:
    if bounds is not None and is_float(tensor):
        known[tensor] = bounds
    else:
        known.pop(tensor, None)
