"""Running sums, products, extremes and log-sum-exps along an axis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..graph import Tensor
from ..symbolic import is_static
from .elementwise import binary, check_dtype, scalar, select, unary
from .lowerer import Lowerer
from .registry import lowers
from .shape import pad_tensor, value_range
from .slicing import slice_tensor

_NUMBERS = (np.dtype(np.float32), np.dtype(np.int32))

_KINDS = {"cumprod": "MUL", "cummax": "MAXIMUM", "cummin": "MINIMUM"}


@lowers("cumsum")
def lower_cumsum(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """CUMSUM along one axis."""
    check_dtype(lowerer, eqn, inputs, _NUMBERS)
    x = lowerer.full(inputs[0], eqn.invars[0].aval.shape)
    axis = lowerer.graph.constant(np.int32(eqn.params["axis"]))
    reverse = bool(eqn.params["reverse"])
    return lowerer.graph.add("CUMSUM", [x, axis], x.shape, exclusive=False, reverse=reverse)


@lowers(*_KINDS)
def lower_cumulative(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """Running product, maximum or minimum."""
    check_dtype(lowerer, eqn, inputs, _NUMBERS)
    name = eqn.primitive.name
    lowest, highest = value_range(inputs[0].dtype)
    neutral = {"cumprod": 1, "cummax": lowest, "cummin": highest}[name]
    return _doubling(
        lowerer, eqn, inputs[0], neutral, lambda a, b: binary(lowerer, _KINDS[name], a, b)
    )


@lowers("cumlogsumexp")
def lower_cumlogsumexp(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """Running log(e^a + e^b + ...), pair by pair as max + log1p(e^-|a - b|)."""
    check_dtype(lowerer, eqn, inputs, _NUMBERS[:1])

    def join(a: Tensor, b: Tensor) -> Tensor:
        same = binary(lowerer, "EQUAL", a, b, np.bool_)  # inf - inf would be NaN
        gap = unary(lowerer, "ABS", binary(lowerer, "SUB", a, b))
        gap = select(lowerer, same, scalar(lowerer, 0.0, a), gap)
        tail = unary(lowerer, "log1p", unary(lowerer, "EXP", unary(lowerer, "NEG", gap)))
        return binary(lowerer, "ADD", binary(lowerer, "MAXIMUM", a, b), tail)

    y = _doubling(lowerer, eqn, inputs[0], -np.inf, join)
    return select(lowerer, _since_nan(lowerer, eqn, inputs[0]), scalar(lowerer, np.nan, y), y)


def _since_nan(lowerer: Lowerer, eqn: Any, x: Tensor) -> Tensor:
    """Where NaN has occurred, which MAXIMUM forgets."""
    x = lowerer.full(x, eqn.invars[0].aval.shape)
    nans = binary(lowerer, "NOT_EQUAL", x, x, np.bool_)
    ones = lowerer.graph.add("CAST", [nans], x.shape, np.int32)
    axis, reverse = (
        lowerer.graph.constant(np.int32(eqn.params["axis"])),
        bool(eqn.params["reverse"]),
    )
    count = lowerer.graph.add("CUMSUM", [ones, axis], x.shape, exclusive=False, reverse=reverse)
    return binary(lowerer, "GREATER", count, scalar(lowerer, 0, count), np.bool_)


def _doubling(
    lowerer: Lowerer,
    eqn: Any,
    x: Tensor,
    neutral: float,
    join: Callable[[Tensor, Tensor], Tensor],
) -> Tensor:
    """Join each element with the one 1, 2, 4 ... places before it: log2(n) rounds."""
    axis, shape = int(eqn.params["axis"]), eqn.invars[0].aval.shape
    length = shape[axis]
    if not is_static(length):
        raise lowerer.refuse(eqn, "an axis of known size", "Give that axis a size.")
    x = lowerer.full(x, shape)
    step = 1
    while step < length:
        kept = (step, length, 1) if eqn.params["reverse"] else (0, length - step, 1)
        bounds = [kept if a == axis else (0, dim, 1) for a, dim in enumerate(shape)]
        pads = [(0, 0)] * x.rank
        pads[axis] = (0, step) if eqn.params["reverse"] else (step, 0)
        shifted = slice_tensor(lowerer, eqn, x, shape, bounds)
        x = join(x, pad_tensor(lowerer, shifted, pads, neutral))
        step *= 2
    return x
