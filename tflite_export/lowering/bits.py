"""Integers as rows of bits: BITWISE_XOR and RIGHT_SHIFT have kernels, the rest is arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..graph import Tensor
from .elementwise import binary, scalar
from .formula import Formula
from .lowerer import Lowerer
from .registry import lowers

_WORD = 32


def bit_operator(lowerer: Lowerer, eqn: Any, x: Tensor, y: Tensor) -> Tensor:
    """`and`, `or` and `xor` of int32."""
    a, b = Formula(lowerer, x), Formula(lowerer, y)
    name = eqn.primitive.name
    differ = a._binary("BITWISE_XOR", a, b)
    if name == "xor":
        return differ.tensor
    both = _both(a, b)
    # The bits of x ^ y and of x & y are disjoint.
    return both.tensor if name == "and" else (both + differ).tensor


def _both(a: Formula, b: Formula) -> Formula:
    """X & y from x + y = (x ^ y) + 2 (x & y), without the lowest bit, so that nothing overflows."""
    high_a, high_b = _shifted(a, 1), _shifted(b, 1)
    high = _shifted(high_a + high_b - a._binary("BITWISE_XOR", high_a, high_b), 1)
    low = (a - high_a * 2) * (b - high_b * 2)
    return high * 2 + low


def _shifted(x: Formula, count: int) -> Formula:
    amount = x.lowerer.graph.constant(np.int32(count))
    return x._binary("RIGHT_SHIFT", x, Formula(x.lowerer, amount))


@lowers("shift_right_arithmetic", "shift_right_logical", "shift_left")
def lower_shift(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """A shift of int32 by a constant number of bits."""
    x, amount = inputs
    if x.dtype != np.int32 or amount.data is None or amount.data.size != 1:
        raise lowerer.refuse(eqn, "int32 shifted by a constant", "Multiply or divide instead.")
    count = int(amount.data.reshape(()))
    if not 0 <= count < _WORD:
        raise lowerer.refuse(eqn, f"a shift of 0 to {_WORD - 1} bits", "Write the result itself.")
    value = Formula(lowerer, x)
    if count == 0:
        return x
    if eqn.primitive.name == "shift_left":
        factor = np.array([1], np.int64) << count
        return binary(lowerer, "MUL", x, scalar(lowerer, float(factor.astype(np.int32)[0]), x))
    moved = _shifted(value, count)
    if eqn.primitive.name == "shift_right_arithmetic":
        return moved.tensor
    # Negative numbers: add 2^(32 - count), in two halves, for 2^31 itself is no int32.
    half = 2 ** (_WORD - 1 - count)
    return (value < 0).where(moved + half + half, moved, value).tensor


@lowers("bitcast_convert_type")
def lower_bitcast(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """BITCAST between float32 and int32."""
    dtype = np.dtype(eqn.params["new_dtype"])
    words = (np.dtype(np.float32), np.dtype(np.int32))
    if inputs[0].dtype not in words or dtype not in words:
        raise lowerer.refuse(eqn, "float32 and int32", "Use jnp.sign or jnp.where.")
    if dtype == inputs[0].dtype:
        return inputs[0]
    return lowerer.graph.add("BITCAST", [inputs[0]], inputs[0].shape, dtype)
