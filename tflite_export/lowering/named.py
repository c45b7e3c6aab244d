"""Functions of jax.numpy that are better known by what they mean than by how they are traced.

The name of a jitted function is a hint only: it counts if tracing the function that we mean, with
the same shapes, gives the same program.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from ..graph import Tensor
from .elementwise import binary
from .lowerer import Lowerer
from .registry import NAMED_LOWERINGS

_Function: TypeAlias = Callable[..., Any]


def _is_program_of(eqn: Any, function: _Function) -> bool:
    """Whether the jitted program of an equation is what tracing `function` gives."""
    struct: Any = jax.ShapeDtypeStruct
    avals = [v.aval for v in eqn.invars]
    args = [struct(a.shape, a.dtype, weak_type=a.weak_type) for a in avals]
    traced = jax.make_jaxpr(function)(*args)
    calls = [inner for inner in traced.jaxpr.eqns if inner.params.get("name") == _name(eqn)]
    return len(calls) == 1 and str(calls[0].params["jaxpr"]) == str(eqn.params["jaxpr"])


def _has_kernels(eqn: Any) -> bool:
    """Whether the operands are what tensors of their dtype mean: an int32 may carry a uint32."""
    return all(v.aval.dtype in (np.float32, np.int32) for v in eqn.invars)


def _name(eqn: Any) -> str:
    return str(eqn.params["name"])


def lower_searchsorted(
    lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]
) -> list[Tensor | None] | None:
    """Count the elements behind a value, where JAX loops over halves of the sorted array.

    Behind, not before: nothing is behind NaN, which JAX too sorts to the end.
    """
    if len(eqn.invars) != 2 or eqn.outvars[0].aval.dtype != np.int32 or not _has_kernels(eqn):
        return None
    if len(eqn.invars[0].aval.shape) != 1:
        return None  # a batch of sorted arrays
    kinds = {"left": "GREATER_EQUAL", "right": "GREATER"}
    sides = (functools.partial(jnp.searchsorted, side=side) for side in kinds)
    known = (k for k, side in zip(kinds.values(), sides, strict=True) if _is_program_of(eqn, side))
    kind = next(known, None)
    if kind is None:
        return None
    ordered, values = (
        lowerer.full(x, v.aval.shape) for x, v in zip(inputs, eqn.invars, strict=True)
    )
    column = lowerer.reshape(values, (*values.shape, 1))
    behind = binary(lowerer, kind, ordered, column, np.bool_)
    ones = lowerer.graph.add("CAST", [behind], behind.shape, np.int32)
    axis = lowerer.graph.ints([values.rank])
    count = lowerer.graph.add("SUM", [ones, axis], values.shape, keep_dims=False)
    return [binary(lowerer, "SUB", lowerer.dim(ordered.shape[0]), count)]


def lower_remainder(
    lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]
) -> list[Tensor | None] | None:
    """FLOOR_MOD, which takes the sign of the divisor as jnp.remainder does."""
    if len(eqn.invars) != 2 or not _is_program_of(eqn, jnp.remainder):
        return None
    if not _has_kernels(eqn):
        return None
    dtype = eqn.outvars[0].aval.dtype
    left, right = (_as_dtype(lowerer, x, dtype) for x in inputs)
    if _may_be_zero(right):
        return None
    return [binary(lowerer, "FLOOR_MOD", left, right)]


def _may_be_zero(divisor: Tensor) -> bool:
    """Whether an integer kernel may meet a divisor of 0, which it reports as an error."""
    return divisor.dtype == np.int32 and (divisor.data is None or not divisor.data.all())


def _as_dtype(lowerer: Lowerer, x: Tensor, dtype: Any) -> Tensor:
    if x.dtype == dtype:
        return x
    if x.data is not None:
        return lowerer.graph.constant(x.data.astype(dtype))
    return lowerer.graph.add("CAST", [x], x.shape, dtype)


def lower_floor_divide(
    lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]
) -> list[Tensor | None] | None:
    """FLOOR_DIV of integers; that of floats would round quotients that are almost whole."""
    if len(eqn.invars) != 2 or any(v.aval.dtype != np.int32 for v in eqn.invars):
        return None
    if _may_be_zero(inputs[1]) or not _is_program_of(eqn, jnp.floor_divide):
        return None
    return [binary(lowerer, "FLOOR_DIV", *inputs)]


NAMED_LOWERINGS["searchsorted"] = lower_searchsorted
NAMED_LOWERINGS["remainder"] = lower_remainder
NAMED_LOWERINGS["floor_divide"] = lower_floor_divide
