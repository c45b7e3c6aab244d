"""Transposes and reshapes around matrix products that these can do themselves."""

from __future__ import annotations

from ..graph import Graph, Op, Tensor
from ..symbolic import same_shape
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


@matmul.on("RESHAPE")
def keep_leading_axes(graph: Graph, op: Op) -> bool:
    """FULLY_CONNECTED takes rows with any leading axes: no reshapes before and after it."""
    linear = graph.sole_producer(op.operand(0), "FULLY_CONNECTED")
    flat = None if linear is None else linear.operand(0).producer
    if linear is None or flat is None or flat.kind != "RESHAPE":
        return False
    rows = flat.operand(0)
    columns, units = linear.operand(0).shape[-1:], linear.out.shape[-1:]
    shape = op.out.shape
    kept = same_shape(rows.shape, (*shape[:-1], *columns)) and same_shape(shape[-1:], units)
    if not kept or not 2 <= len(shape) <= _LARGEST_RANK:
        return False
    options = {**linear.options, "keep_num_dims": len(shape) > 2}
    graph.replace(op.out, graph.add(linear.kind, [rows, *linear.inputs[1:]], shape, **options))
    return True


_LARGEST_RANK = 6  # of FULLY_CONNECTED, see `limits`


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
