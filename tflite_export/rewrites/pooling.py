"""AVERAGE_POOL_2D from a windowed sum and the division by the number of elements."""

from __future__ import annotations

import numpy as np

from ..graph import Graph, Op, Tensor
from ..lowering.pooling import pool_options
from ..lowering.window import padding_scheme
from ..symbolic import is_static, pad_rank, same_shape
from .driver import RuleSet
from .pattern import uniform_value

pooling = RuleSet()


@pooling.on("DIV", "MUL")
def average_pool(graph: Graph, op: Op) -> bool:
    """Divide a sum by the window's size or, under SAME, by the elements inside the input."""
    total, count = op.operand(0), op.operand(1)
    if op.kind == "MUL" and total.data is not None:
        total, count = count, total
    pool, shape_op = _sum_pool(total)
    if pool is None or count.data is None:
        return False
    sizes, strides, pads = (pool.options[key] for key in ("sizes", "strides", "pads"))
    x = pool.operand(0)
    scheme = padding_scheme(x.shape[1:3], sizes, strides, pads)
    area = sizes[0] * sizes[1]
    value = uniform_value(count)
    expected = float(np.float32(1.0 / area)) if op.kind == "MUL" else area
    if value == expected:
        x, scheme = (x, "VALID") if scheme == "VALID" else (_padded(graph, pool), "VALID")
    elif op.kind == "MUL" or scheme != "SAME" or not _counts_inside(count, total, pool, shape_op):
        return False
    pooled = graph.add(
        "AVERAGE_POOL_2D", [x], pool.out.shape, **pool_options(sizes, strides, scheme)
    )
    if shape_op is not None:
        pooled = graph.add("RESHAPE", [pooled], total.shape)
    if not same_shape(pooled.shape, op.out.shape):
        return False
    graph.replace(op.out, pooled)
    return True


def _sum_pool(total: Tensor) -> tuple[Op | None, Op | None]:
    """The sum_pool that a tensor comes from, and the reshape between, if there is one."""
    op, shape_op = total.producer, None
    if op is not None and op.kind == "RESHAPE":
        op, shape_op = op.operand(0).producer, op
    return (op, shape_op) if op is not None and op.kind == "sum_pool" else (None, None)


def _padded(graph: Graph, pool: Op) -> Tensor:
    """The input of a sum_pool with its padding written out."""
    x, pads = pool.operand(0), [(0, 0), *pool.options["pads"], (0, 0)]
    if not any(low or high for low, high in pads):
        return x
    shape = [dim + low + high for dim, (low, high) in zip(x.shape, pads, strict=True)]
    return graph.add("PAD", [x, graph.constant(np.array(pads, np.int32))], shape)


def _counts_inside(count: Tensor, total: Tensor, pool: Op, shape_op: Op | None) -> bool:
    """Whether a constant holds, for each window, the number of its elements inside the input."""
    data = count.data
    assert data is not None
    heights = _inside(pool, 0)
    widths = _inside(pool, 1)
    if heights is None or widths is None:
        return False
    wanted = np.outer(heights, widths).reshape(1, len(heights), len(widths), 1)
    if shape_op is not None:
        # Seen in the pooled shape: only axes of size 1 come and go.
        shape = pad_rank(data.shape, total.rank)
        sizes = [
            n for n, dim in zip(shape, total.shape, strict=True) if n != 1 or not is_static(dim)
        ]
        if int(np.prod(sizes)) != wanted.size:
            return False
        return bool(np.array_equal(data.reshape(-1), wanted.reshape(-1).astype(data.dtype)))
    if data.ndim > 4:
        return False
    both = np.broadcast_arrays(data, wanted.astype(data.dtype))
    return bool(np.array_equal(both[0], both[1]))


def _inside(pool: Op, axis: int) -> np.ndarray | None:
    """Number of elements inside the input for each window position on one axis."""
    length = pool.operand(0).shape[1 + axis]
    if not is_static(length):
        return None
    window, stride = pool.options["sizes"][axis], pool.options["strides"][axis]
    (low, _), out = pool.options["pads"][axis], pool.out.shape[1 + axis]
    starts = np.arange(out) * stride - low
    return np.asarray(np.minimum(starts + window, length) - np.maximum(starts, 0))


def legal_sum_pool(graph: Graph, op: Op) -> bool:
    """A sum that is no mean after all: the mean of the padded input times the window's size."""
    sizes, strides = op.options["sizes"], op.options["strides"]
    x = _padded(graph, op)
    options = pool_options(sizes, strides, "VALID")
    mean = graph.add("AVERAGE_POOL_2D", [x], op.out.shape, **options)
    area = graph.constant(np.float32(sizes[0] * sizes[1]))
    graph.replace(op.out, graph.add("MUL", [mean, area], op.out.shape))
    return True
