"""From the ranges of the traced function's values to those of a graph's tensors."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..graph import Graph, Op, Origin, Tensor
from .kernels import KERNELS, Scales, is_float, values_read
from .ranges import Range

# What these compute has the range of what they read, and the other way round.
_PERMUTING = ("RESHAPE", "SQUEEZE", "TRANSPOSE", "REVERSE_V2", "BROADCAST_TO")


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
    known.update((op.out, Range(0.0, 0.0)) for op in ops if op.kind == "ZEROS_LIKE")
    for op in reversed(ops):
        if op.kind in _PERMUTING and op.out in known and op.operand(0).data is None:
            known.setdefault(op.operand(0), known[op.out])
    return known


def _propagate(graph: Graph, known: dict[Tensor, Range]) -> None:
    """Add what follows from the ranges of a graph's inputs."""
    for op in graph.ordered():
        if op.kind == "WHILE":
            _loop(op, known)
        elif op.kind == "IF":
            _branches(op, known)
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
            _set(known, inner, _range(outer, known))
        for outer, inner in zip(op.outputs, graph.outputs, strict=True):
            if is_float(outer) and outer in known and inner.data is None:
                known.setdefault(inner, known[outer])
        _propagate(graph, known)


def _loop(op: Op, known: dict[Tensor, Range]) -> None:
    """What a carry is in any round: before the first, or after one of the others."""
    condition, body = op.graphs
    carried: list[Range | None] = [
        known.get(op.outputs[number]) if is_overwritten(body, number) else _range(value, known)
        for number, value in enumerate(op.inputs)
    ]
    observed = dict(known)
    for _ in range(2 * len(carried) + 2):
        inside = dict(observed)
        for tensor, bounds in zip(body.inputs, carried, strict=True):
            _set(inside, tensor, bounds)
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
    if bounds is None or after is body.inputs[number] or is_overwritten(body, number):
        return bounds
    new = _range(after, inside)
    return None if new is None else bounds.union(new)


def is_overwritten(body: Graph, number: int) -> bool:
    """Whether a loop does nothing with a carry but write into it, as with stacked results.

    Nobody sees what such a carry was before its rows were written.
    """
    before, after = body.inputs[number], body.outputs[number]
    op = after.producer
    if op is None or op.kind != "DYNAMIC_UPDATE_SLICE" or op.operand(0) is not before:
        return False
    return body.uses(before) == 1 and body.uses(after) == 1


def _range(tensor: Tensor | None, known: Mapping[Tensor, Range]) -> Range | None:
    if tensor is None or not is_float(tensor):
        return None
    return constant_range(tensor) or known.get(tensor)


def _set(known: dict[Tensor, Range], tensor: Tensor, bounds: Range | None) -> None:
    if bounds is not None and is_float(tensor):
        known[tensor] = bounds
    else:
        known.pop(tensor, None)
