"""SOFTMAX, LOG_SOFTMAX and MEAN from the primitives that they arrive as."""

from __future__ import annotations

import numpy as np

from ..graph import Graph, Op, Tensor
from ..symbolic import pad_rank, same_dim, same_shape, size
from .driver import RuleSet
from .pattern import uniform_value

softmax = RuleSet()


@softmax.on("DIV", "MUL")
def mean(graph: Graph, op: Op) -> bool:
    """sum(x) / n is MEAN, where n is the number of elements summed."""
    for total, count in ((op.operand(0), op.operand(1)), (op.operand(1), op.operand(0))):
        reduction = total.producer
        if reduction is None or reduction.kind != "SUM" or total.dtype != np.float32:
            if op.kind == "DIV":
                return False
            continue
        x, axes = reduction.operand(0), _axes(reduction)
        if not _is_count(count, [x.shape[a] for a in axes], inverse=op.kind == "MUL"):
            continue
        if not same_shape(total.shape, op.out.shape):
            continue
        keep = reduction.options["keep_dims"]
        graph.replace(op.out, graph.add("MEAN", reduction.inputs, total.shape, keep_dims=keep))
        return True
    return False


def _is_count(tensor: Tensor, summed: list[object], inverse: bool) -> bool:
    count = size(summed)
    value = uniform_value(tensor)
    if value is not None and isinstance(count, int):
        return value == (float(np.float32(1.0 / count)) if inverse else count)
    cast = tensor.producer
    if inverse or cast is None or cast.kind != "CAST":
        return False
    dim = cast.operand(0).producer
    return dim is not None and dim.kind == "dim_value" and same_dim(dim.options["dim"], count)


@softmax.on("DIV")
def to_softmax(graph: Graph, op: Op) -> bool:
    """exp(x - max x) / sum(exp(x - max x)) over the last axis."""
    powers = op.operand(0)
    x = _shifted_exponent(powers)
    if x is None or not _is_last_axis_sum(op.operand(1), powers):
        return False
    rows = graph.add("RESHAPE", [x], op.out.shape)  # x may have fewer leading axes of size 1
    graph.replace(op.out, graph.add("SOFTMAX", [rows], op.out.shape, beta=1.0))
    return True


@softmax.on("SUB")
def to_log_softmax(graph: Graph, op: Op) -> bool:
    """(x - max x) - log(sum(exp(x - max x))) over the last axis."""
    shifted, log = op.operand(0), op.operand(1).producer
    x = _shifted(shifted)
    if x is None or log is None or log.kind != "LOG":
        return False
    total = log.operand(0)
    powers = None if total.producer is None else total.producer.inputs[0]
    if powers is None or powers.producer is None or powers.producer.kind != "EXP":
        return False
    if powers.producer.operand(0) is not shifted or not _is_last_axis_sum(total, powers):
        return False
    rows = graph.add("RESHAPE", [x], op.out.shape)
    graph.replace(op.out, graph.add("LOG_SOFTMAX", [rows], op.out.shape))
    return True


def _shifted_exponent(powers: Tensor) -> Tensor | None:
    exp = powers.producer
    return _shifted(exp.operand(0)) if exp is not None and exp.kind == "EXP" else None


def _shifted(tensor: Tensor) -> Tensor | None:
    """x, if the tensor is x minus its maximum over the last axis, reshapes between or not."""
    sub = tensor.producer
    if sub is None or sub.kind != "SUB":
        return None
    x, column = sub.operand(0), sub.operand(1)
    top = _before_reshapes(column).producer
    if top is None or top.kind != "REDUCE_MAX" or not _is_column(column, x):
        return None
    source = top.operand(0)
    # A reshape keeps the order of elements, and so rows stay rows if they stay as long.
    if _before_reshapes(x) is not _before_reshapes(source) or _axes(top) != [source.rank - 1]:
        return None
    return x if x.rank and same_dim(x.shape[-1], source.shape[-1]) else None


def _before_reshapes(tensor: Tensor) -> Tensor:
    while tensor.producer is not None and tensor.producer.kind == "RESHAPE":
        tensor = tensor.producer.operand(0)
    return tensor


def _is_column(column: Tensor, x: Tensor) -> bool:
    """Whether a tensor has one element for each row of x, but for leading axes of size 1."""
    rank = max(x.rank, column.rank)
    return same_shape(pad_rank(column.shape, rank), (*pad_rank(x.shape, rank)[:-1], 1))


def _is_last_axis_sum(total: Tensor, of: Tensor) -> bool:
    reduction = _before_reshapes(total).producer
    if reduction is None or reduction.kind != "SUM" or reduction.operand(0) is not of:
        return False
    return _axes(reduction) == [of.rank - 1] and _is_column(total, of)


def _axes(reduction: Op) -> list[int]:
    data = reduction.operand(1).data
    assert data is not None
    return [int(axis) for axis in data]
