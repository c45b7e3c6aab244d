"""Reductions over whole axes, and positions of extremes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..graph import Tensor
from .elementwise import check_dtype
from .lowerer import Lowerer
from .registry import lowers
from .shape import broadcast_axes

_NUMBERS = (np.dtype(np.float32), np.dtype(np.int32))
_BOOL = (np.dtype(np.bool_),)

_KINDS = {
    "reduce_sum": "SUM",
    "reduce_max": "REDUCE_MAX",
    "reduce_min": "REDUCE_MIN",
    "reduce_prod": "REDUCE_PROD",
    "reduce_or": "REDUCE_ANY",
    "reduce_and": "REDUCE_ALL",
}
_KINDS_OF_BOOLS = {"REDUCE_MAX": "REDUCE_ANY", "REDUCE_MIN": "REDUCE_ALL"}
_COUNTING = ("SUM", "REDUCE_PROD")  # here it matters how often a broadcast element occurs


@lowers(*_KINDS)
def lower_reduction(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """One reduction that drops the reduced axes."""
    kind = _KINDS[eqn.primitive.name]
    if inputs[0].dtype == np.bool_:
        kind = _KINDS_OF_BOOLS.get(kind, kind)
    check_dtype(lowerer, eqn, inputs, _BOOL if kind in ("REDUCE_ANY", "REDUCE_ALL") else _NUMBERS)
    shape = eqn.invars[0].aval.shape
    x = lowerer.rank_padded(inputs[0], len(shape))
    axes = sorted(int(axis) for axis in eqn.params["axes"])
    if not axes:
        return x
    if kind in _COUNTING and set(axes) & set(broadcast_axes(x, shape)):
        x = lowerer.full(x, shape)
    rest = [dim for axis, dim in enumerate(x.shape) if axis not in axes]
    return lowerer.graph.add(kind, [x, lowerer.graph.ints(axes)], rest, keep_dims=False)


@lowers("argmax", "argmin")
def lower_arg_extreme(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """ARG_MAX or ARG_MIN, the first position on ties."""
    check_dtype(lowerer, eqn, inputs, (*_NUMBERS, *_BOOL))
    x = lowerer.full(inputs[0], eqn.invars[0].aval.shape)
    if x.dtype == np.bool_:
        x = lowerer.graph.add("CAST", [x], x.shape, np.int32)
    (axis,) = eqn.params["axes"]
    kind = "ARG_MAX" if eqn.primitive.name == "argmax" else "ARG_MIN"
    position = lowerer.graph.constant(np.int32(axis))
    shape = eqn.outvars[0].aval.shape
    return lowerer.graph.add(kind, [x, position], shape, np.int32, output_type=np.int32)
