"""What integers a tensor can hold, as far as the operators that computed it tell."""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np

from ..graph import Op, Tensor
from ..symbolic import is_static

Range: TypeAlias = tuple[float, float]  # both ends included, infinite where nothing is known

_ANY: Range = (-math.inf, math.inf)
_MOVES = ("RESHAPE", "TRANSPOSE", "SLICE", "STRIDED_SLICE", "broadcast", "REVERSE_V2", "TILE")
_DEPTH = 8  # operators to look back through


def known_range(tensor: Tensor, depth: int = _DEPTH) -> Range:
    """The smallest and the largest value that an integer tensor can hold.

    Args:
        tensor: the tensor.
        depth: operators to look back through.

    Returns:
        Both ends, infinite where nothing is known.
    """
    if tensor.data is not None:
        data = tensor.data
        return (float(data.min()), float(data.max())) if data.size else _ANY
    op = tensor.producer
    if op is None or not depth or tensor.dtype != np.int32:
        return _ANY
    if op.kind in _MOVES:
        return known_range(op.operand(0), depth - 1)
    if op.kind in ("ARG_MAX", "ARG_MIN") or (op.kind == "TOPK_V2" and tensor is op.outputs[1]):
        return _position(op)
    if op.kind in ("RANGE", "SHAPE", "dim_value"):
        return (0.0, math.inf)
    if op.kind == "CAST" and op.operand(0).dtype == np.bool_:
        return (0.0, 1.0)
    return _combined(op, depth - 1)


def _position(op: Op) -> Range:
    """A position along an axis of a known size."""
    x = op.operand(0)
    axis = -1 if op.kind == "TOPK_V2" else int(np.asarray(op.operand(1).data))
    size = x.shape[axis]
    return (0.0, float(size - 1) if is_static(size) else math.inf)


def _combined(op: Op, depth: int) -> Range:
    """The range of what joins two operands."""
    if op.kind in ("MAXIMUM", "MINIMUM"):
        (a, b), (c, d) = (known_range(op.operand(n), depth) for n in (0, 1))
        pick = max if op.kind == "MAXIMUM" else min
        return (pick(a, c), pick(b, d))
    if op.kind == "SELECT_V2":
        (a, b), (c, d) = (known_range(op.operand(n), depth) for n in (1, 2))
        return (min(a, c), max(b, d))
    divisor = op.operand(1).data if op.kind == "FLOOR_MOD" else None
    if divisor is not None and (divisor > 0).all():
        return (0.0, float(divisor.max() - 1))
    return _ANY
