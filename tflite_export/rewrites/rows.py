"""ONE_HOT and L2_NORMALIZATION."""

from __future__ import annotations

import numpy as np

from ..graph import Graph, Op
from ..symbolic import is_one, same_shape
from .driver import RuleSet
from .pattern import Anything, Node, Number, match

rows = RuleSet()

_LENGTH_FLOOR = 1e-6  # of the kernel's: it divides by the larger of this and the length


@rows.on("CAST")
def one_hot(graph: Graph, op: Op) -> bool:
    """Whether an index equals 0, 1, 2 ..., as numbers."""
    test = graph.sole_producer(op.operand(0), "EQUAL")
    if test is None or op.out.dtype not in (np.float32, np.int32) or op.out.rank < 1:
        return False
    for position in (0, 1):
        index, counted = test.operand(position), test.operand(1 - position)
        data = counted.data
        if data is None or index.dtype != np.int32 or index.rank != op.out.rank:
            continue
        depth = data.size
        along = data.shape[-1:] == (depth,) and np.array_equal(data.ravel(), np.arange(depth))
        if not along or not is_one(index.shape[-1]) or depth < 2:
            continue
        if not same_shape(op.out.shape, (*index.shape[:-1], depth)):
            continue
        flat = graph.add("RESHAPE", [index], index.shape[:-1])
        values = [graph.constant(np.asarray(v, op.out.dtype)) for v in (1, 0)]
        inputs = [flat, graph.constant(np.int32(depth)), *values]
        y = graph.add("ONE_HOT", inputs, op.out.shape, op.out.dtype, axis=-1)
        graph.replace(op.out, y)
        return True
    return False


_x = Anything("x")
_squares = Node("SUM", Node("SQUARE", _x))


@rows.on("MUL", "DIV")
def to_l2_normalization(graph: Graph, op: Op) -> bool:
    """Divide by the length: x / max(|x|, 1e-6) over the last axis, with the floor of the kernel."""
    floored = Node("MAXIMUM", _squares, Number(_LENGTH_FLOOR**2))
    if op.kind == "MUL":
        patterns = [Node("MUL", _x, Node("RSQRT", floored))]
    else:
        patterns = [
            Node("DIV", _x, Node("SQRT", floored)),
            Node("DIV", _x, Node("MAXIMUM", Node("SQRT", _squares), Number(_LENGTH_FLOOR))),
        ]
    found = next((m for p in patterns if (m := match(p, op.out)) is not None), None)
    if found is None or found["x"].dtype != np.float32 or found["x"].rank > 4:
        return False
    x = found["x"]
    total = next((r for r in _sums_of_squares(op)), None)
    if total is None or np.asarray(total.operand(1).data).tolist() != [x.rank - 1]:
        return False
    if not total.options["keep_dims"] or not same_shape(x.shape, op.out.shape):
        return False
    graph.replace(op.out, graph.add("L2_NORMALIZATION", [x], op.out.shape))
    return True


def _sums_of_squares(op: Op) -> list[Op]:
    """The SUM among the producers within four steps."""
    level, found = [op], []
    for _ in range(4):
        level = [t.producer for o in level for t in o.inputs if t is not None and t.producer]
        found += [o for o in level if o.kind == "SUM"]
    return found
