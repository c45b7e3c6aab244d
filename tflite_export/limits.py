"""Limits of LiteRT's kernels, checked before a file is written that would not load.

Measured with ai-edge-litert 2.3, XNNPACK included, by exporting each operator at ranks 3 to 7.
"""

from __future__ import annotations

import numpy as np

from .errors import UnsupportedOpError
from .graph import Graph, Op, Tensor
from .schema_tables import INNER_TYPES, TENSOR_TYPES
from .symbolic import describe, is_static

_RANK_LIMITS = {
    "PADV2": 5,
    "CONV_2D": 4,
    "TRANSPOSE_CONV": 4,
    "DEPTHWISE_CONV_2D": 4,
    "AVERAGE_POOL_2D": 4,
    "MAX_POOL_2D": 4,
    **dict.fromkeys(
        (
            "BATCH_MATMUL",
            "CONCATENATION",
            "FULLY_CONNECTED",
            "MEAN",
            "PAD",
            "REDUCE_ALL",
            "REDUCE_ANY",
            "REDUCE_MAX",
            "REDUCE_MIN",
            "REDUCE_PROD",
            "SOFTMAX",
            "SPLIT",
            "SPLIT_V",
            "SUM",
        ),
        6,
    ),
}


def check_limits(graph: Graph) -> None:
    """Refuse operators on empty tensors, and on more dimensions than their kernel takes.

    Args:
        graph: a legal graph.

    Raises:
        UnsupportedOpError: naming the operator, its shape and the user's line.
    """
    for op in (op for part in graph.all_graphs() for op in part.ordered()):
        if any(t is not None and _is_empty(t) for t in (*op.inputs, *op.outputs)):
            raise _empty(op)
        for tensor in (*op.inputs, *op.outputs):
            if tensor is not None and not _has_kernel(op, tensor):
                raise UnsupportedOpError(
                    op.where,
                    "values of float32, int32 or bool",
                    f"{op.kind} on {tensor.dtype}",
                    "Cast with x.astype(jnp.float32), or return the parts of complex numbers: "
                    "x.real and x.imag.",
                )
        limit = _RANK_LIMITS.get(op.kind)
        if limit is not None and _rank(op) > limit:
            raise UnsupportedOpError(
                op.where,
                f"at most {limit} dimensions for {op.kind}",
                f"an operand of {describe(_widest(op))}",
                "Merge dimensions with a reshape before, and split them again after.",
            )


def _has_kernel(op: Op, tensor: Tensor) -> bool:
    spectral = op.kind in ("RFFT2D", "REAL", "IMAG") and tensor.dtype in INNER_TYPES
    half = op.kind == "CAST" and tensor.dtype == np.float16
    return spectral or half or tensor.dtype in TENSOR_TYPES


def _is_empty(tensor: Tensor) -> bool:
    return any(is_static(dim) and dim == 0 for dim in tensor.shape)


def _empty(op: Op) -> UnsupportedOpError:
    shapes = ", ".join(describe(t.shape) for t in (*op.inputs, *op.outputs) if t is not None)
    return UnsupportedOpError(
        op.where,
        "tensors with at least one element",
        f"{op.kind} on {shapes}",
        "Leave empty arrays out of the exported function.",
    )


def _rank(op: Op) -> int:
    return len(_widest(op))


def _widest(op: Op) -> tuple[object, ...]:
    return max((t.shape for t in (*op.inputs, *op.outputs) if t is not None), key=len)
