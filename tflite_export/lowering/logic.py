"""Comparisons, bool logic and selection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..graph import Tensor
from .bits import bit_operator
from .elementwise import binary, check_dtype, scalar, select, unary
from .known_range import known_range
from .lowerer import Lowerer
from .registry import lowers

_BOOL = np.dtype(np.bool_)
_NUMBERS = (np.dtype(np.float32), np.dtype(np.int32))

_COMPARISONS = {
    "eq": "EQUAL",
    "ne": "NOT_EQUAL",
    "lt": "LESS",
    "le": "LESS_EQUAL",
    "gt": "GREATER",
    "ge": "GREATER_EQUAL",
}
_LOGIC = {"and": "LOGICAL_AND", "or": "LOGICAL_OR", "xor": "NOT_EQUAL"}


@lowers(*_COMPARISONS)
def lower_comparison(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """One comparison, with a bool result."""
    name = eqn.primitive.name
    allowed = (*_NUMBERS, _BOOL) if name in ("eq", "ne") else _NUMBERS
    check_dtype(lowerer, eqn, inputs, allowed)
    if name == "lt" and _never_below(*inputs):
        return lowerer.graph.constant(np.zeros((1,) * len(eqn.outvars[0].aval.shape), _BOOL))
    return binary(lowerer, _COMPARISONS[name], inputs[0], inputs[1], _BOOL)


def _never_below(x: Tensor, bound: Tensor) -> bool:
    """Whether integers are certainly not below a constant: positions are not below 0."""
    if x.dtype != np.int32 or x.data is not None or bound.data is None or not bound.data.size:
        return False
    return known_range(x)[0] >= bound.data.max()


@lowers(*_LOGIC)
def lower_logic(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """Logic on bools, bitwise arithmetic on int32."""
    check_dtype(lowerer, eqn, inputs, (_BOOL, _NUMBERS[1]))
    if inputs[0].dtype != _BOOL:
        return bit_operator(lowerer, eqn, *inputs)
    return binary(lowerer, _LOGIC[eqn.primitive.name], inputs[0], inputs[1], _BOOL)


@lowers("not")
def lower_not(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """LOGICAL_NOT on bools; the bits of -1 - x are the opposite ones of x."""
    check_dtype(lowerer, eqn, inputs, (_BOOL, _NUMBERS[1]))
    if inputs[0].dtype != _BOOL:
        return binary(lowerer, "SUB", scalar(lowerer, -1, inputs[0]), inputs[0])
    return unary(lowerer, "LOGICAL_NOT", inputs[0])


@lowers("is_finite")
def lower_is_finite(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """Test x * 0 == 0: the product is NaN, which equals nothing, for infinities and NaN."""
    check_dtype(lowerer, eqn, inputs, _NUMBERS[:1])
    rest = binary(lowerer, "MUL", inputs[0], scalar(lowerer, 0.0, inputs[0]))
    return binary(lowerer, "EQUAL", rest, scalar(lowerer, 0.0, inputs[0]), dtype=_BOOL)


@lowers("select_n")
def lower_select_n(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """`select_n(which, case_0, case_1, ...)`: a chain of SELECT_V2, the last case innermost."""
    which, *cases = inputs
    check_dtype(lowerer, eqn, cases, (*_NUMBERS, _BOOL))
    if which.dtype == _BOOL:
        return select(lowerer, which, cases[1], cases[0])
    chosen = cases[-1]
    for number in reversed(range(len(cases) - 1)):
        hit = binary(lowerer, "EQUAL", which, scalar(lowerer, number, which), dtype=_BOOL)
        chosen = select(lowerer, hit, cases[number], chosen)
    return chosen
