"""Algebra that removes operators: neutral elements, repeated reshapes, equal operators."""

from __future__ import annotations

import numpy as np

from ..graph import Graph, Op, Tensor
from ..symbolic import is_one, same_shape
from .driver import RuleSet
from .pattern import uniform_value

simplify = RuleSet()
tidy = RuleSet()  # for the end: patterns know the forms before

_FLOAT = np.dtype(np.float32)

# The constant that changes nothing, for the second operand; for the first one where it commutes.
_NEUTRAL = {"ADD": 0.0, "SUB": 0.0, "MUL": 1.0, "DIV": 1.0, "MAXIMUM": -np.inf, "MINIMUM": np.inf}
_COMMUTATIVE = ("ADD", "MUL", "MAXIMUM", "MINIMUM")


@simplify.on(*_NEUTRAL)
def drop_neutral(graph: Graph, op: Op) -> bool:
    """Drop what changes nothing: x + 0, x * 1, max(x, -inf)."""
    neutral = _NEUTRAL[op.kind]
    pairs = [(op.operand(0), op.operand(1))]
    if op.kind in _COMMUTATIVE:
        pairs.append((op.operand(1), op.operand(0)))
    for kept, constant in pairs:
        # Exactly: 1 + 1e-7 is not 1.
        if uniform_value(constant) == neutral and same_shape(kept.shape, op.out.shape):
            graph.replace(op.out, kept)
            return True
    return False


@simplify.on("RESHAPE")
def merge_reshapes(graph: Graph, op: Op) -> bool:
    """Of two reshapes in a row the second counts; a reshape to the same shape does nothing."""
    x = op.operand(0)
    if same_shape(x.shape, op.out.shape):
        graph.replace(op.out, x)
        return True
    if x.producer is not None and x.producer.kind == "RESHAPE":
        graph.replace(op.out, graph.add("RESHAPE", [x.producer.operand(0)], op.out.shape))
        return True
    return False


@simplify.on("TRANSPOSE")
def merge_transposes(graph: Graph, op: Op) -> bool:
    """Two transposes are one; one that moves only axes of size 1 is a reshape."""
    x, order = op.operand(0), _data(op.operand(1)).tolist()
    moving = [axis for axis in order if not is_one(x.shape[axis])]
    if moving == sorted(moving):
        graph.replace(op.out, graph.add("RESHAPE", [x], op.out.shape))
        return True
    if x.producer is None or x.producer.kind != "TRANSPOSE":
        return False
    first = _data(x.producer.operand(1)).tolist()
    merged = graph.ints(first[axis] for axis in order)
    graph.replace(op.out, graph.add("TRANSPOSE", [x.producer.operand(0), merged], op.out.shape))
    return True


@simplify.on("TRANSPOSE")
def transpose_without_ones(graph: Graph, op: Op) -> bool:
    """Between reshapes, a transpose need not carry axes of size 1: the reshapes join others."""
    x, order = op.operand(0), _data(op.operand(1)).tolist()
    kept = [axis for axis in range(x.rank) if not is_one(x.shape[axis])]
    between = x.producer is not None and x.producer.kind == "RESHAPE"
    readers = op.out.consumers
    if len(kept) == x.rank or not between or graph.uses(op.out) != len(readers):
        return False
    if not readers or any(reader.kind != "RESHAPE" for reader in readers):
        return False
    dense = graph.add("RESHAPE", [x], [x.shape[axis] for axis in kept])
    moved = [kept.index(axis) for axis in order if axis in kept]
    shape = [dense.shape[axis] for axis in moved]
    y = graph.add("TRANSPOSE", [dense, graph.ints(moved)], shape)
    graph.replace(op.out, graph.add("RESHAPE", [y], op.out.shape))
    return True


_REDUCTIONS = ("SUM", "MEAN", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD", "REDUCE_ANY", "REDUCE_ALL")


@simplify.on(*_REDUCTIONS)
def reduction_of_one(graph: Graph, op: Op) -> bool:
    """The sum or the maximum of a single element is that element."""
    x, axes = op.operand(0), _data(op.operand(1)).tolist()
    if not all(is_one(x.shape[axis]) for axis in axes):
        return False
    graph.replace(op.out, graph.add("RESHAPE", [x], op.out.shape))
    return True


@simplify.on("RESHAPE")
def keep_reduced_axes(graph: Graph, op: Op) -> bool:
    """Let a reduction keep the axes that a reshape after it puts back as ones."""
    reduction = graph.sole_producer(op.operand(0), *_REDUCTIONS)
    if reduction is None or reduction.options["keep_dims"]:
        return False
    x, axes = reduction.operand(0), set(_data(reduction.operand(1)).tolist())
    kept = tuple(1 if axis in axes else dim for axis, dim in enumerate(x.shape))
    if not same_shape(kept, op.out.shape):
        return False
    out = graph.add(reduction.kind, reduction.inputs, kept, op.out.dtype, keep_dims=True)
    out.hold(reduction.out.origin)  # the reshape may stand for a value of no primitive
    graph.replace(op.out, out)
    return True


@simplify.on("broadcast")
def broadcast_into_readers(graph: Graph, op: Op) -> bool:
    """A broadcast that changes no element count is a reshape."""
    x = op.operand(0)
    kept = [dim for dim in x.shape if not is_one(dim)]
    if not same_shape(kept, [dim for dim in op.out.shape if not is_one(dim)]):
        return False
    graph.replace(op.out, graph.add("RESHAPE", [x], op.out.shape))
    return True


@simplify.on("NEG")
def double_negation(graph: Graph, op: Op) -> bool:
    """-(-x) is x."""
    inner = op.operand(0).producer
    if inner is None or inner.kind != "NEG":
        return False
    graph.replace(op.out, inner.operand(0))
    return True


@tidy.on("ABS")
def size_of_size(graph: Graph, op: Op) -> bool:
    """|-x| is |x|, and what is never negative is its own size."""
    x = op.operand(0)
    if x.producer is not None and x.producer.kind == "NEG":
        graph.replace(op.out, graph.add("ABS", [x.producer.operand(0)], x.shape))
        return True
    if not _never_negative(x):
        return False
    graph.replace(op.out, x)
    return True


def _never_negative(x: Tensor) -> bool:
    op = x.producer
    if op is not None and op.kind in ("SUM", "MEAN", "REDUCE_MAX", "RESHAPE"):
        return _never_negative(op.operand(0))
    return op is not None and op.kind in ("ABS", "EXP", "SQUARE", "RELU", "LOGISTIC", "SOFTMAX")


@tidy.on("NEG")
def negative_sum(graph: Graph, op: Op) -> bool:
    """-(relu(-x) + y) is min(x, 0) - y."""
    total = graph.sole_producer(op.operand(0), "ADD")
    if total is None or op.out.dtype != _FLOAT:
        return False
    for position in (0, 1):
        relu = graph.sole_producer(total.operand(position), "RELU")
        below = None if relu is None else relu.operand(0).producer
        if below is None or below.kind != "NEG":
            continue
        x, rest = below.operand(0), total.operand(1 - position)
        low = graph.add("MINIMUM", [x, graph.constant(np.float32(0))], x.shape)
        graph.replace(op.out, graph.add("SUB", [low, rest], op.out.shape))
        return True
    return False


@simplify.on("MUL")
def square_of_itself(graph: Graph, op: Op) -> bool:
    """Write x * x as SQUARE, which reads x once."""
    left, right = op.operand(0), op.operand(1)
    if left is not right or left.dtype != _FLOAT or op.options.get("fused_activation_function"):
        return False
    graph.replace(op.out, graph.add("SQUARE", [left], op.out.shape))
    return True


@simplify.on("ADD", "MUL")
def merge_constants(graph: Graph, op: Op) -> bool:
    """(x * a) * b is x * (a * b), and (x + a) + b is x + (a + b)."""
    inner, b = _with_constant(op)
    before = graph.sole_producer(inner, op.kind)
    if before is None or b is None or op.out.dtype != _FLOAT:
        return False
    x, a = _with_constant(before)
    if x is None or a is None:
        return False
    left, right = _data(a).astype(np.float64), _data(b)
    exact = left * right if op.kind == "MUL" else left + right
    merged = exact.astype(np.float32)
    # Overflow and underflow would change what happens to large and small x.
    normal = np.isfinite(merged).all() and np.isfinite(left).all() and np.isfinite(right).all()
    if op.kind == "MUL":
        normal = normal and (np.abs(merged) >= np.finfo(np.float32).tiny).all()
    if not normal or merged.size > max(left.size, right.size):
        return False
    graph.replace(op.out, graph.add(op.kind, [x, graph.constant(merged)], op.out.shape))
    return True


@simplify.on("ADD")
def merge_added_constants(graph: Graph, op: Op) -> bool:
    """(x * m + a) + b is x * m + (a + b); scaled: ((x + a) * m) + b is x * m + (a * m + b)."""
    inner, b = _with_constant(op)
    if inner is None or b is None or op.out.dtype != _FLOAT:
        return False
    scaled = graph.sole_producer(inner, "MUL")
    if scaled is None:
        return False
    shifted, m = _with_constant(scaled)
    shift = graph.sole_producer(shifted, "ADD", "SUB")
    if shift is None or m is None:
        return False
    x, a = _with_constant(shift)
    if x is None or a is None or not same_shape(x.shape, op.out.shape):
        return False
    sign = -1.0 if shift.kind == "SUB" else 1.0
    with np.errstate(all="ignore"):
        offset = sign * _data(a).astype(np.float64) * _data(m)
    # Scaling first rounds to the size of the offset: leave large ones as they were written.
    if not np.isfinite(offset).all() or np.abs(offset).max(initial=0.0) > _LARGEST_OFFSET:
        return False
    total = graph.constant((offset + _data(b)).astype(np.float32))
    product = graph.add("MUL", [x, m], x.shape)
    graph.replace(op.out, graph.add("ADD", [product, total], op.out.shape))
    return True


_LARGEST_OFFSET = 64.0  # keeps the added rounding error below 4e-6


def _with_constant(op: Op) -> tuple[Tensor | None, Tensor | None]:
    """The variable and the constant operand of a binary op; SUB counts only `x - constant`."""
    left, right = op.operand(0), op.operand(1)
    if right.data is not None and left.data is None:
        return left, right
    if left.data is not None and right.data is None and op.kind != "SUB":
        return right, left
    return None, None


class CommonSubexpressions:
    """Finds an operator that computes the same as another one: same kind, inputs and options."""

    def __init__(self) -> None:
        self._seen: dict[object, Op] = {}

    def merge(self, graph: Graph, op: Op) -> bool:
        """Replace `op` by an equal one that was seen before."""
        if op.graphs:
            return False  # equal graphs would have to be compared as a whole
        options = map(str, sorted(op.options.items()))
        key = (op.kind, str(op.out.shape), *(id(t) for t in op.inputs), *options)
        twin = self._seen.setdefault(key, op)
        if twin is op or twin.dead or len(twin.outputs) != len(op.outputs):
            self._seen[key] = op
            return False
        if not all(
            a.dtype == b.dtype and same_shape(a.shape, b.shape)
            for a, b in zip(twin.outputs, op.outputs, strict=True)
        ):
            return False
        if list(twin.inputs) != list(op.inputs):
            self._seen[key] = op  # the twin's inputs were replaced since it was filed
            return False
        for old, new in zip(op.outputs, twin.outputs, strict=True):
            graph.replace(old, new)
        return True


def eliminate_common_subexpressions(graph: Graph) -> None:
    """Merge equal operators, in one pass from the inputs to the outputs."""
    seen = CommonSubexpressions()
    for op in graph.ordered():
        if not op.dead:
            seen.merge(graph, op)
    graph.touched.clear()


def _data(tensor: Tensor) -> np.ndarray:
    assert tensor.data is not None
    return tensor.data
