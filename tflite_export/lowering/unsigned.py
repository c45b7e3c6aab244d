"""Arithmetic of uint32, carried by int32 of the same bits, where signs make a difference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..graph import Tensor
from .elementwise import binary
from .formula import Formula
from .lowerer import Lowerer
from .registry import LOWERINGS

_INT, _UINT = np.dtype(np.int32), np.dtype(np.uint32)
_LOWEST = -(2**31)  # added to both sides of a comparison it puts the upper half behind the lower
_LARGEST_DIVISOR = 2**30

_COMPARISONS = {"lt": "LESS", "le": "LESS_EQUAL", "gt": "GREATER", "ge": "GREATER_EQUAL"}
_ORDERED = ("max", "min", "clamp", "reduce_max", "reduce_min", "cummax", "cummin")


def _ranked(lowerer: Lowerer, x: Tensor) -> Tensor:
    """An int32 whose order is that of the uint32."""
    if x.data is not None:
        return lowerer.graph.constant(x.data ^ np.int32(_LOWEST))
    return (Formula(lowerer, x) + _LOWEST).tensor


def _compare(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """A comparison of ranks; no uint32 is below 0."""
    name = eqn.primitive.name
    right = inputs[1].data
    if right is not None and not right.any() and name in ("lt", "ge"):
        return lowerer.graph.constant(np.full((1,) * inputs[0].rank, name == "ge"))
    a, b = (_ranked(lowerer, x) for x in inputs)
    return binary(lowerer, _COMPARISONS[name], a, b, np.bool_)


def _by_rank(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """The largest or smallest one: that of the ranks, with its bits put back."""
    ranks = [_ranked(lowerer, x) for x in inputs]
    result = LOWERINGS[eqn.primitive.name](lowerer, eqn, ranks)
    assert isinstance(result, Tensor)
    return (Formula(lowerer, result) + _LOWEST).tensor


def _divide(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """Quotient or remainder of x = 2 h + l, where h has no sign bit: of h, then of the rest."""
    x, divisor = inputs
    known = divisor.data
    if known is None or (known < 1).any() or (known > _LARGEST_DIVISOR).any():
        raise lowerer.refuse(
            eqn,
            f"a uint32 divided by constants from 1 to {_LARGEST_DIVISOR}",
            "Divide int32 instead.",
        )
    value, by = Formula(lowerer, x), Formula(lowerer, divisor)
    one = Formula(lowerer, lowerer.graph.constant(np.int32(1)))
    moved = value._binary("RIGHT_SHIFT", value, one)
    lowest = value - moved * 2
    half = (moved < 0).where(moved - _LOWEST, moved, value)  # the sign has moved in
    left = half._binary("FLOOR_MOD", half, by) * 2 + lowest
    if eqn.primitive.name == "rem":
        return left._binary("FLOOR_MOD", left, by).tensor
    whole = half._binary("FLOOR_DIV", half, by) * 2
    return (whole + left._binary("FLOOR_DIV", left, by)).tensor


def _convert(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """From and to other dtypes; other integers keep their low bits."""
    (x,) = inputs
    old, new = np.dtype(eqn.invars[0].aval.dtype), np.dtype(eqn.params["new_dtype"])
    if new == _UINT:
        if np.issubdtype(old, np.integer) or old == np.bool_:
            return _cast(lowerer, x, _INT)
        return _from_float(Formula(lowerer, x)).tensor
    if np.issubdtype(new, np.integer) or new == np.bool_:
        return _cast(lowerer, x, new)
    if new != np.float32:
        raise lowerer.refuse(eqn, "a cast of uint32 to float32", "Cast to jnp.float32 first.")
    # Both halves of 16 bits are exact, so that only their sum is rounded.
    value = Formula(lowerer, x)
    count = Formula(lowerer, lowerer.graph.constant(np.int32(16)))
    high = value._binary("RIGHT_SHIFT", value, count)
    low = value - high * 2**16
    upper = (high < 0).where(high + 2**16, high, value)
    parts = [Formula(lowerer, _cast(lowerer, part.tensor, new)) for part in (upper, low)]
    return (parts[0] * 2.0**16 + parts[1]).tensor


def _from_float(x: Formula) -> Formula:
    """Numbers from 2^31 on are cast without it."""
    high = x("FLOOR") > 2.0**31 - 1
    shifted = high.where(x - 2.0**32, x, x)
    return Formula(x.lowerer, _cast(x.lowerer, shifted.tensor, _INT))


def _cast(lowerer: Lowerer, x: Tensor, dtype: np.dtype) -> Tensor:
    return x if x.dtype == dtype else lowerer.graph.add("CAST", [x], x.shape, dtype)


def _bitcast(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """BITCAST between words; int32 and uint32 are the same tensor."""
    new = np.dtype(eqn.params["new_dtype"])
    target = _INT if new == _UINT else new
    if target not in (_INT, np.dtype(np.float32)) or inputs[0].dtype not in (_INT, np.float32):
        raise lowerer.refuse(eqn, "float32, int32 and uint32", "Use jnp.sign or jnp.where.")
    if inputs[0].dtype == target:
        return inputs[0]
    return lowerer.graph.add("BITCAST", [inputs[0]], inputs[0].shape, target)


UNSIGNED_LOWERINGS: dict[str, Callable[[Lowerer, Any, Sequence[Tensor]], Tensor]] = {
    **dict.fromkeys(_COMPARISONS, _compare),
    **dict.fromkeys(_ORDERED, _by_rank),
    "div": _divide,
    "rem": _divide,
    "convert_element_type": _convert,
    "bitcast_convert_type": _bitcast,
}
