"""Transposes in front of BATCH_MATMUL that it can do itself."""

from __future__ import annotations

from ..graph import Graph, Op, Tensor
from .driver import RuleSet

matmul = RuleSet()


@matmul.on("BATCH_MATMUL")
def absorb_transpose(graph: Graph, op: Op) -> bool:
    """A transpose of the last two axes toggles `adj_x` or `adj_y`."""
    for position, flag in ((0, "adj_x"), (1, "adj_y")):
        source = _swapped(op.operand(position))
        if source is not None:
            inputs = list(op.inputs)
            inputs[position] = source
            options = {**op.options, flag: not op.options[flag]}
            graph.replace(op.out, graph.add(op.kind, inputs, op.out.shape, **options))
            return True
    return False


def _swapped(tensor: Tensor) -> Tensor | None:
    """What a tensor is the transpose of, if only the last two axes change places."""
    op = tensor.producer
    if op is None or op.kind != "TRANSPOSE":
        return None
    order = op.operand(1).data
    assert order is not None
    rank = len(order)
    swapped = [*range(rank - 2), rank - 1, rank - 2]
    return op.operand(0) if order.tolist() == swapped else None
