"""Numbers such as -1e9 that mask scores before a softmax, which would take up a whole range."""

from __future__ import annotations

import numpy as np

from ..graph import Graph, Op, Tensor
from ..rewrites.pattern import uniform_value
from .kernels import is_float
from .ranges import Range

_MARGIN = 10.0  # below all scores: exp(-10) of the least of them is less than a step of the result


def raise_masks(graph: Graph, ranges: dict[Tensor, Range]) -> None:
    """Let masked scores lie a little below all others, where a softmax alone reads them.

    Args:
        graph: a legal float graph, changed in place.
        ranges: ranges of its tensors, changed likewise.
    """
    for op in graph.ordered():
        readers = {reader.kind for reader in op.out.consumers}
        if op.kind == "SELECT_V2" and readers == {"SOFTMAX"} and op.out not in graph.outputs:
            for position, other in ((1, 2), (2, 1)):
                _raise(graph, op, ranges, position, ranges.get(op.operand(other)))


def _raise(
    graph: Graph, op: Op, ranges: dict[Tensor, Range], position: int, scores: Range | None
) -> None:
    mask = uniform_value(op.operand(position))
    if scores is None or mask is None or not is_float(op.operand(position)):
        return
    least = scores.low - _MARGIN
    if mask < least:
        raised = np.full(op.operand(position).shape, least, np.float32)
        graph.set_input(op, position, graph.constant(raised))
        ranges[op.out] = Range(least, scores.high)
