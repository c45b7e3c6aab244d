"""Functions of jax.numpy that are better known by what they mean than by how they are traced.

The name of a jitted function is a hint only: it counts if tracing the function that we mean, with
the same shapes, gives the same program.
"""

from __future__ import annotations

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
    avals: Any = [jax.ShapeDtypeStruct(v.aval.shape, v.aval.dtype) for v in eqn.invars]
    traced = jax.make_jaxpr(function)(*avals)
    calls = [inner for inner in traced.jaxpr.eqns if inner.params.get("name") == _name(eqn)]
    return len(calls) == 1 and str(calls[0].params["jaxpr"]) == str(eqn.params["jaxpr"])


def _name(eqn: Any) -> str:
    return str(eqn.params["name"])


def lower_searchsorted(
    lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]
) -> list[Tensor | None] | None:
    """Count the elements behind a value, where JAX loops over halves of the sorted array.

    Behind, not before: nothing is behind NaN, which JAX too sorts to the end.
    """
    if len(eqn.invars) != 2 or eqn.outvars[0].aval.dtype != np.int32:
        return None
    for side, kind in (("left", "GREATER_EQUAL"), ("right", "GREATER")):
        if _is_program_of(eqn, lambda a, v, s=side: jnp.searchsorted(a, v, side=s)):
            break
    else:
        return None
    ordered, values = (lowerer.full(x, v.aval.shape) for x, v in zip(inputs, eqn.invars, strict=True))
    column = lowerer.reshape(values, (*values.shape, 1))
    behind = binary(lowerer, kind, ordered, column, np.bool_)
    ones = lowerer.graph.add("CAST", [behind], behind.shape, np.int32)
    axis = lowerer.graph.ints([values.rank])
    count = lowerer.graph.add("SUM", [ones, axis], values.shape, keep_dims=False)
    return [binary(lowerer, "SUB", lowerer.dim(ordered.shape[0]), count)]


NAMED_LOWERINGS["searchsorted"] = lower_searchsorted
