"""Sorting by TOPK_V2, whose kernel keeps the order of equal elements, as JAX does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..graph import Tensor
from ..symbolic import Dim, is_static, pad_rank
from .elementwise import binary, check_dtype, scalar, select, unary
from .lowerer import Lowerer
from .registry import lowers

_FLOAT = np.dtype(np.float32)
_INT = np.dtype(np.int32)


@lowers("sort")
def lower_sort(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Sequence[Tensor]:
    """Sort by the last key first: a stable sort by the keys before it then decides."""
    axis, keys = int(eqn.params["dimension"]), int(eqn.params["num_keys"])
    check_dtype(lowerer, eqn, inputs[:keys], (_FLOAT, _INT))
    shape = eqn.invars[0].aval.shape
    counted = [_counts_along(x, shape, axis) for x in inputs]
    # Positions along the axis come out of TOPK_V2 by themselves: argsort needs no second operand.
    moved = [
        None if known and keys == 1 else _axis_last(lowerer, lowerer.full(x, shape), axis)
        for x, known in zip(inputs, counted, strict=True)
    ]
    for key in reversed(range(keys)):
        tensor = moved[key]
        if tensor is None:
            return inputs  # the only key is already in order
        order = _positions(lowerer, _key(lowerer, tensor))
        moved = [order if x is None else _reordered(lowerer, x, order) for x in moved]
    return [_axis_back(lowerer, x, axis) for x in moved if x is not None]


@lowers("top_k")
def lower_top_k(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Sequence[Tensor]:
    """TOPK_V2, values and positions."""
    check_dtype(lowerer, eqn, inputs, (_FLOAT, _INT))
    axis = int(eqn.params.get("axis", -1)) % len(eqn.invars[0].aval.shape)
    x = _axis_last(lowerer, lowerer.full(inputs[0], eqn.invars[0].aval.shape), axis)
    results = _top_k(lowerer, x, int(eqn.params["k"]))
    return [_axis_back(lowerer, result, axis) for result in results]


def _counts_along(x: Tensor, shape: Sequence[Dim], axis: int) -> bool:
    """Whether a constant is 0, 1, 2 ... along the axis and the same along all others."""
    own = pad_rank(x.shape, len(shape))
    if x.data is None or not is_static(shape[axis]) or x.data.size != shape[axis]:
        return False
    counted = np.arange(shape[axis], dtype=x.dtype)
    return own[axis] == shape[axis] and np.array_equal(x.data.reshape(-1), counted)


def _key(lowerer: Lowerer, x: Tensor) -> Tensor:
    """What grows where x falls; NaN is the smallest, so that it comes last as in JAX.

    Infinity counts as the largest finite number here: NaN needs a key behind it.
    """
    if x.dtype == _INT:
        return binary(lowerer, "SUB", scalar(lowerer, -1, x), x)  # -x would overflow at the end
    lowest = scalar(lowerer, float(np.finfo(np.float32).min), x)
    falling = binary(lowerer, "MAXIMUM", unary(lowerer, "NEG", x), lowest)
    is_nan = binary(lowerer, "NOT_EQUAL", x, x, np.bool_)
    return select(lowerer, is_nan, scalar(lowerer, -np.inf, x), falling)


def _positions(lowerer: Lowerer, key: Tensor) -> Tensor:
    return _top_k(lowerer, key, key.shape[-1])[1]


def _top_k(lowerer: Lowerer, x: Tensor, count: Dim) -> list[Tensor]:
    shape = (*x.shape[:-1], count)
    outputs = [Tensor(shape, x.dtype), Tensor(shape, _INT)]
    return lowerer.graph.add_many("TOPK_V2", [x, lowerer.dim(count)], outputs)


def _reordered(lowerer: Lowerer, x: Tensor, order: Tensor) -> Tensor:
    lead = x.rank - 1
    return lowerer.graph.add("GATHER", [x, order], x.shape, axis=lead, batch_dims=lead)


def _axis_last(lowerer: Lowerer, x: Tensor, axis: int) -> Tensor:
    return lowerer.transpose(x, [*(a for a in range(x.rank) if a != axis), axis])


def _axis_back(lowerer: Lowerer, x: Tensor, axis: int) -> Tensor:
    last = x.rank - 1
    return lowerer.transpose(x, [*range(axis), last, *range(axis, last)])
