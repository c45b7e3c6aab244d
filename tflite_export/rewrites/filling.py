"""Constants over a free axis: their shape comes from an input's, not from a shape vector.

A shape vector that is computed while running makes everything behind it dynamic; a tensor that is
sliced from an input has its shape as soon as the input is resized. It is not multiplied by 0, which
would keep NaN and infinities, but passed through ZEROS_LIKE.
"""

from __future__ import annotations

import numpy as np

from ..graph import Graph, Op, Tensor
from ..symbolic import Dim, all_static, is_static, same_dim
from .pattern import uniform_value

_BOOL = np.dtype(np.bool_)
_SOURCES = (np.dtype(np.float32), np.dtype(np.int32))


def legal_zeros(graph: Graph, op: Op) -> bool:
    """Room that is filled while running, so that it takes no place in the file."""
    shape, dtype = op.out.shape, op.out.dtype
    zero = graph.constant(np.zeros((), dtype))
    if all_static(shape):
        graph.replace(op.out, graph.add("FILL", [graph.ints(shape), zero], shape, dtype))
    else:
        graph.replace(op.out, graph.add("broadcast", [zero], shape))
    return True


def legal_constant_broadcast(graph: Graph, op: Op) -> bool:
    """A constant over one free axis that an input has."""
    constant, shape = op.operand(0), op.out.shape
    free = [axis for axis, dim in enumerate(shape) if not is_static(dim)]
    if constant.data is None or len(free) != 1:
        return False
    column = _column(graph, shape[free[0]], free[0], len(shape))
    if column is None:
        return False
    value = uniform_value(constant)
    if value is not None and not (value == 0 and np.signbit(value)):
        filled = _uniform(graph, column, op.out, value)
    elif constant.dtype in _SOURCES:
        static = [1 if axis in free else dim for axis, dim in enumerate(shape)]
        data = graph.constant(np.ascontiguousarray(np.broadcast_to(constant.data, static)))
        filled = graph.add("ADD", [_cast(graph, column, constant.dtype), data], shape)
    else:
        return False
    graph.replace(op.out, filled)
    return True


def _uniform(graph: Graph, column: Tensor, out: Tensor, value: float) -> Tensor:
    counts = [1 if not is_static(dim) else dim for dim in out.shape]
    if any(count != 1 for count in counts):
        column = graph.add("TILE", [column, graph.ints(counts)], out.shape)
    if out.dtype == _BOOL:
        return graph.add("EQUAL" if value else "NOT_EQUAL", [column, column], out.shape, _BOOL)
    column = _cast(graph, column, out.dtype)
    if value == 0:
        return column
    return graph.add("ADD", [column, graph.constant(np.asarray(value, out.dtype))], out.shape)


def _column(graph: Graph, dim: Dim, axis: int, rank: int) -> Tensor | None:
    """Zeros of size `dim` on an axis and 1 on the others."""
    target = [dim if n == axis else 1 for n in range(rank)]
    for source in graph.inputs:
        if source.dtype not in _SOURCES:
            continue
        for own, size in enumerate(source.shape):
            if same_dim(size, dim):
                return graph.add("ZEROS_LIKE", [_edge(graph, source, own, axis, rank)], target)
    return None


def _edge(graph: Graph, source: Tensor, own: int, axis: int, rank: int) -> Tensor:
    """The first elements along axis `own`, which becomes axis `axis` of `rank` dimensions."""
    dim, after = source.shape[own], source.rank - own - 1
    surplus = [*range(max(own - axis, 0)), *range(own + max(rank - axis, 1), source.rank)]
    ends = [0 if n == own else 1 for n in range(source.rank)]
    vectors = [graph.ints(v) for v in ([0] * source.rank, ends, [1] * source.rank)]
    before, behind = min(own, axis), min(after, rank - axis - 1)
    masks = {"end_mask": 1 << own, "shrink_axis_mask": sum(1 << n for n in surplus)}
    shape = [1] * before + [dim] + [1] * behind
    part = graph.add("STRIDED_SLICE", [source, *vectors], shape, begin_mask=0, **masks)
    target = [dim if n == axis else 1 for n in range(rank)]
    return part if len(shape) == rank else graph.add("RESHAPE", [part], target)


def _cast(graph: Graph, tensor: Tensor, dtype: np.dtype) -> Tensor:
    return tensor if tensor.dtype == dtype else graph.add("CAST", [tensor], tensor.shape, dtype)
