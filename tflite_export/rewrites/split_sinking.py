"""Adds what will be split before it is split: the gates of a recurrent cell, say, in one ADD."""

from __future__ import annotations

from ..graph import Graph, Op, Tensor
from ..symbolic import same_shape
from .driver import RuleSet

split_sinking = RuleSet()


@split_sinking.on("SPLIT")
def add_before_split(graph: Graph, op: Op) -> bool:
    """The sums of all parts of two splits are the parts of one sum."""
    sums = [_only_reader(graph, part) for part in op.outputs]
    first = sums[0]
    if first is None or first.kind not in ("ADD", "SUB", "MUL") or first.options:
        return False
    other = _other(first, op.outputs[0]).producer
    if other is None or other is op or other.kind != "SPLIT" or other.options != op.options:
        return False
    ours, theirs = op.operand(1), other.operand(1)
    if op.operand(0) is not other.operand(0) or not same_shape(ours.shape, theirs.shape):
        return False
    ours_first = first.inputs[0] is op.outputs[0]
    for reader, part, twin in zip(sums, op.outputs, other.outputs, strict=True):
        pair = [part, twin] if ours_first else [twin, part]
        if reader is None or reader.kind != first.kind or reader.options:
            return False
        if reader.inputs != pair or graph.uses(twin) != 1:
            return False
    total = graph.add(first.kind, [ours, theirs] if ours_first else [theirs, ours], ours.shape)
    parts = [Tensor(part.shape, part.dtype) for part in op.outputs]
    graph.add_many("SPLIT", [op.inputs[0], total], parts, **op.options)
    for reader, part in zip(sums, parts, strict=True):
        assert reader is not None
        graph.replace(reader.out, part)
    return True


def _only_reader(graph: Graph, tensor: Tensor) -> Op | None:
    return tensor.consumers[0] if graph.uses(tensor) == len(tensor.consumers) == 1 else None


def _other(op: Op, tensor: Tensor) -> Tensor:
    return op.operand(1) if op.inputs[0] is tensor else op.operand(0)
