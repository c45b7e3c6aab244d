"""Ranges of functions of one value that rise, or fall up to 0 and rise."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..graph import Op
from .ranges import Range


def _elu(op: Op, x: np.ndarray) -> np.ndarray:
    return np.expm1(np.minimum(x, 0.0)) + np.maximum(x, 0.0)


def _leaky_relu(op: Op, x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0.0) + op.options["alpha"] * np.minimum(x, 0.0)


def _bounded(op: Op, x: np.ndarray) -> np.ndarray:
    limit = op.operand(1).data
    assert limit is not None
    return (np.maximum if op.kind == "MAXIMUM" else np.minimum)(x, limit.reshape(()))


_FUNCTIONS: dict[str, Callable[[Op, np.ndarray], np.ndarray]] = {
    "ELU": _elu,
    "LEAKY_RELU": _leaky_relu,
    "MAXIMUM": _bounded,
    "MINIMUM": _bounded,
}


def range_after(op: Op, x: Range | None) -> Range | None:
    """The range of an operator's result, from that of what it reads; None if it is not known.

    Rewrites put such operators in between, of which the traced function has no value.
    """
    if x is None or op.kind not in _FUNCTIONS or _reads_others(op):
        return None
    middle = min(max(x.low, 0.0), x.high)
    values = _FUNCTIONS[op.kind](op, np.array([x.low, middle, x.high]))
    return Range(float(values.min()), float(values.max()))


def _reads_others(op: Op) -> bool:
    """Whether there is another operand than one number."""
    others = [] if len(op.inputs) == 1 else [op.operand(1).data]
    return any(data is None or data.size != 1 for data in others)
