"""Formulas on tensors, written with Python's operators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from ..graph import Tensor
from .elementwise import binary, scalar, select, unary
from .lowerer import Lowerer

# Of these, LiteRT's kernels give what numpy gives, also where integers overflow.
_INTEGER_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "ADD": np.add,
    "SUB": np.subtract,
    "MUL": np.multiply,
    "BITWISE_XOR": np.bitwise_xor,
    "RIGHT_SHIFT": np.right_shift,
}

Operand: TypeAlias = "Formula | float"


class Formula:
    """A tensor with arithmetic operators, each of which adds one op to the graph.

    Args:
        lowerer: the lowering.
        tensor: the value.
    """

    def __init__(self, lowerer: Lowerer, tensor: Tensor) -> None:
        self.lowerer, self.tensor = lowerer, tensor

    def _binary(self, kind: str, left: Operand, right: Operand, dtype: Any = None) -> Formula:
        a, b = self._tensor(left), self._tensor(right)
        known = _INTEGER_FUNCTIONS.get(kind)
        if known is not None and a.data is not None and b.data is not None and a.dtype == np.int32:
            with np.errstate(over="ignore"):
                return Formula(self.lowerer, self.lowerer.graph.constant(known(a.data, b.data)))
        return Formula(self.lowerer, binary(self.lowerer, kind, a, b, dtype))

    def _tensor(self, operand: Operand) -> Tensor:
        if isinstance(operand, Formula):
            return operand.tensor
        return scalar(self.lowerer, operand, self.tensor)

    def __add__(self, other: Operand) -> Formula:
        return self._binary("ADD", self, other)

    __radd__ = __add__

    def __sub__(self, other: Operand) -> Formula:
        return self._binary("SUB", self, other)

    def __rsub__(self, other: Operand) -> Formula:
        return self._binary("SUB", other, self)

    def __mul__(self, other: Operand) -> Formula:
        return self._binary("MUL", self, other)

    __rmul__ = __mul__

    def __truediv__(self, other: Operand) -> Formula:
        return self._binary("DIV", self, other)

    def __rtruediv__(self, other: Operand) -> Formula:
        return self._binary("DIV", other, self)

    def __neg__(self) -> Formula:
        return self("NEG")

    def __lt__(self, other: Operand) -> Formula:
        return self._binary("LESS", self, other, np.bool_)

    def __gt__(self, other: Operand) -> Formula:
        return self._binary("GREATER", self, other, np.bool_)

    def equals(self, other: Operand) -> Formula:
        """Whether elements are equal."""
        return self._binary("EQUAL", self, other, np.bool_)

    def __call__(self, kind: str) -> Formula:
        """The operator `kind` of this tensor alone."""
        return Formula(self.lowerer, unary(self.lowerer, kind, self.tensor))

    def atan2(self, other: Formula) -> Formula:
        """The angle of the point (other, self); the kernel wants equal shapes."""
        return self._binary("ATAN2", self, other)

    def at_most(self, other: Operand) -> Formula:
        """The smaller one."""
        return self._binary("MINIMUM", self, other)

    def where(self, then: Operand, otherwise: Operand, like: Formula) -> Formula:
        """`then` where this is true; numbers become the dtype of `like`."""
        a, b = like._tensor(then), like._tensor(otherwise)
        return Formula(self.lowerer, select(self.lowerer, self.tensor, a, b))

    def polynomial(self, coefficients: tuple[float, ...]) -> Formula:
        """The polynomial with these coefficients, of the highest power first."""
        result: Operand = coefficients[0]
        for coefficient in coefficients[1:]:
            result = self * result + coefficient
        assert isinstance(result, Formula)
        return result
