"""Numbers of float32 rounded to those that float16 or bfloat16 can hold."""

from __future__ import annotations

import numpy as np

from ..graph import Tensor
from .formula import Formula
from .lowerer import Lowerer

_DROPPED = 16  # bits of a float32 that bfloat16 lacks


def rounded_to(lowerer: Lowerer, x: Tensor, dtype: np.dtype) -> Tensor:
    """The float32 numbers nearest to `x` that `dtype` has, ties to even."""
    if dtype == np.float16:
        half = lowerer.graph.add("CAST", [x], x.shape, dtype)
        return lowerer.graph.add("CAST", [half], x.shape, np.float32)
    return _brain(lowerer, x)


def _brain(lowerer: Lowerer, x: Tensor) -> Tensor:
    """Add just less than half of the last bit that stays, and one more if that bit is set."""
    graph = lowerer.graph
    bits = Formula(lowerer, graph.add("BITCAST", [x], x.shape, np.int32))
    count = Formula(lowerer, graph.constant(np.int32(_DROPPED)))
    kept = bits._binary("RIGHT_SHIFT", bits, count)
    odd = (
        kept - bits._binary("RIGHT_SHIFT", kept, Formula(lowerer, graph.constant(np.int32(1)))) * 2
    )
    raised = bits + odd + (2 ** (_DROPPED - 1) - 1)
    cut = raised._binary("RIGHT_SHIFT", raised, count) * 2**_DROPPED
    y = Formula(lowerer, graph.add("BITCAST", [cut.tensor], x.shape, np.float32))
    value = Formula(lowerer, x)
    return value.equals(value).where(y, value, value).tensor  # NaN has all bits set and would wrap
