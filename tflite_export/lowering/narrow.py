"""Arithmetic of int8, uint8, int16 and bool in int32: their own kernels mean quantised numbers.

Casts of LiteRT keep the low bits, as JAX does where a narrow integer overflows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..graph import Tensor
from .lowerer import Lowerer
from .registry import LOWERINGS, OTHER_DTYPES

_INT, _BOOL = np.dtype(np.int32), np.dtype(np.bool_)
_NARROW = tuple(np.dtype(kind) for kind in (np.int8, np.uint8, np.int16))

# Their low bits, or their order, are those of the same arithmetic of int32.
_WIDENED = frozenset(
    (
        *("add", "add_any", "sub", "mul", "neg", "abs", "sign", "square", "integer_pow"),
        *("max", "min", "clamp", "div", "rem", "and", "or", "xor", "not", "shift_left"),
        *("shift_right_arithmetic", "lt", "le", "gt", "ge", "eq", "ne", "select_n"),
        *("reduce_sum", "reduce_max", "reduce_min", "reduce_prod", "argmax", "argmin"),
        *("cumsum", "cumprod", "cummax", "cummin", "sort", "top_k", "pad", "dot_general"),
    )
)
_WIDENED_UNSIGNED = _WIDENED | {"shift_right_logical", "population_count"}
_WIDENED_BOOL = frozenset(("lt", "le", "gt", "ge", "max", "min", "sort", "top_k"))


def lower_narrow(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Any:
    """The results of an equation on narrow integers, or None where it is as any other."""
    dtypes = {x.dtype for x in inputs}
    if not _widens(eqn.primitive.name, dtypes):
        return None
    wide = [
        _cast(lowerer, x, _INT) if x.dtype in (*_NARROW, *_bools(dtypes)) else x for x in inputs
    ]
    results = LOWERINGS[eqn.primitive.name](lowerer, eqn, wide)
    several = [results] if isinstance(results, Tensor) else list(results)
    return [
        None if y is None else _cast(lowerer, y, np.dtype(var.aval.dtype))
        for y, var in zip(several, eqn.outvars, strict=True)
    ]


def _widens(name: str, dtypes: set[np.dtype]) -> bool:
    narrow = dtypes & set(_NARROW)
    if narrow:
        return name in (_WIDENED_UNSIGNED if narrow == {np.dtype(np.uint8)} else _WIDENED)
    return _BOOL in dtypes and name in _WIDENED_BOOL


def _bools(dtypes: set[np.dtype]) -> tuple[np.dtype, ...]:
    """Bools are widened where they are what is compared or sorted, not where they choose."""
    return () if dtypes & set(_NARROW) else (_BOOL,)


def _cast(lowerer: Lowerer, x: Tensor, dtype: np.dtype) -> Tensor:
    if x.dtype == dtype:
        return x
    if x.data is not None:
        return lowerer.graph.constant(x.data.astype(dtype))
    return lowerer.graph.add("CAST", [x], x.shape, dtype)


OTHER_DTYPES.append(lower_narrow)
