"""Integers as rows of bits: BITWISE_XOR and RIGHT_SHIFT have kernels, the rest is arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..graph import Tensor
from .elementwise import check_dtype
from .formula import Formula
from .lowerer import Lowerer
from .registry import lowers

_WORD = 32
_WORDS = (np.dtype(np.int32),)


def bit_operator(lowerer: Lowerer, eqn: Any, x: Tensor, y: Tensor) -> Tensor:
    """`and`, `or` and `xor` of int32."""
    name = eqn.primitive.name
    a, b = Formula(lowerer, x), Formula(lowerer, y)
    low = _low_bits(y) if _low_bits(x) is None else _low_bits(x)
    if name == "and" and low is not None:
        value = a if _low_bits(x) is None else b
        return (value - _shifted(value, low) * 2**low).tensor
    differ = a._binary("BITWISE_XOR", a, b)
    if name == "xor":
        return differ.tensor
    both = _both(a, b)
    # The bits of x ^ y and of x & y are disjoint.
    return both.tensor if name == "and" else (both + differ).tensor


def _low_bits(mask: Tensor) -> int | None:
    """The number of bits that a constant such as 0xFFFF keeps."""
    if mask.data is None or mask.data.size != 1:
        return None
    value = int(mask.data.reshape(()))
    return value.bit_length() if 0 < value < 2**30 and not value & (value + 1) else None


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
    """A shift of int32, by all bits or more where the amount is not 0 ... 31, as JAX defines it."""
    x, amount = inputs
    check_dtype(lowerer, eqn, inputs, _WORDS)
    name = eqn.primitive.name
    if amount.data is not None and amount.data.size == 1:
        count = int(amount.data.reshape(()))
        if 0 <= count < _WORD:
            return _constant_shift(lowerer, name, x, count)
    return _traced_shift(lowerer, name, Formula(lowerer, x), Formula(lowerer, amount)).tensor


def _constant_shift(lowerer: Lowerer, name: str, x: Tensor, count: int) -> Tensor:
    value = Formula(lowerer, x)
    if count == 0:
        return x
    if name == "shift_left":
        return (value * int(_powers(count)[count])).tensor
    moved = _shifted(value, count)
    if name == "shift_right_arithmetic":
        return moved.tensor
    # Negative numbers: add 2^(32 - count), in two halves, for 2^31 itself is no int32.
    half = 2 ** (_WORD - 1 - count)
    return (value < 0).where(moved + half + half, moved, value).tensor


def _traced_shift(lowerer: Lowerer, name: str, x: Formula, amount: Formula) -> Formula:
    """Shifts by different amounts; powers of two come out of a table."""
    count = (amount < 0).where(_WORD, amount.at_most(_WORD), amount)
    if name == "shift_left":
        return x * _looked_up(lowerer, count, _powers(_WORD))
    moved = x._binary("RIGHT_SHIFT", x, count.at_most(_WORD - 1))
    if name == "shift_right_arithmetic":
        return moved
    # The sign has moved in: 2^(32 - count) takes it out again.
    signs = (x < 0).where(_looked_up(lowerer, count, _powers(_WORD)[::-1]), 0, x)
    return (count > _WORD - 1).where(0, moved + signs, x)


def _powers(last: int) -> np.ndarray:
    """2^0 ... 2^last as int32, where 2^31 is negative and 2^32 is 0."""
    return (np.array(1, np.int64) << np.arange(last + 1)).astype(np.int32)


def _looked_up(lowerer: Lowerer, places: Formula, table: np.ndarray) -> Formula:
    values = lowerer.graph.constant(np.ascontiguousarray(table))
    shape = places.tensor.shape
    found = lowerer.graph.add("GATHER", [values, places.tensor], shape, axis=0, batch_dims=0)
    return Formula(lowerer, found)


@lowers("population_count")
def lower_population_count(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """The number of ones, x - (x >> 1) - (x >> 2) - ... without its sign bit (Legendre).

    Shifts of the sign count its ones too: -1 of x and -(2^31 - 1) of the others, so twice -1 more.
    """
    check_dtype(lowerer, eqn, inputs, _WORDS)
    x = Formula(lowerer, inputs[0])
    last = _WORD - 1
    return (x - _sum_over(lowerer, _all_shifts(x, [*range(1, _WORD), last, last]))).tensor


@lowers("clz")
def lower_clz(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """The number of leading zeros: how many of x >> 0, x >> 1, ... x >> 31 are 0."""
    check_dtype(lowerer, eqn, inputs, _WORDS)
    shifts = _all_shifts(Formula(lowerer, inputs[0]), range(_WORD))
    empty = shifts.equals(0).tensor
    ones = lowerer.graph.add("CAST", [empty], empty.shape, np.int32)
    return _sum_over(lowerer, Formula(lowerer, ones)).tensor


def _all_shifts(x: Formula, counts: Sequence[int]) -> Formula:
    """`x` shifted by each count, on a new last axis."""
    column = x.lowerer.reshape(x.tensor, (*x.tensor.shape, 1))
    amounts = Formula(x.lowerer, x.lowerer.graph.ints(counts))
    return x._binary("RIGHT_SHIFT", Formula(x.lowerer, column), amounts)


def _sum_over(lowerer: Lowerer, x: Formula) -> Formula:
    """The sum over the last axis."""
    lead = x.tensor.shape[:-1]
    axis = lowerer.graph.ints([len(lead)])
    return Formula(lowerer, lowerer.graph.add("SUM", [x.tensor, axis], lead, keep_dims=False))


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
