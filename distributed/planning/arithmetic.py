"""How many floating point operations the products and convolutions of a step take."""

import math
from collections.abc import Iterator
from typing import Any

import jax
from jax.extend.core import ClosedJaxpr, Jaxpr


def flops_of(jaxpr: Any) -> int:
    """Two for each multiplication and addition of products and convolutions, on all devices.

    Element-wise arithmetic is left out, as is usual for the utilisation of models. A loop whose
    length the data decides counts once; of branches the longest counts.

    >>> import jax.numpy as jnp
    >>> flops_of(jax.make_jaxpr(lambda a: a @ a)(jnp.ones((4, 4))))
    128
    """
    inner = jaxpr.jaxpr if isinstance(jaxpr, ClosedJaxpr) else jaxpr
    return sum(_of_equation(equation) for equation in inner.eqns)


def _of_equation(equation: Any) -> int:
    name, params = equation.primitive.name, equation.params
    if name == "dot_general":
        (contracted, _), _ = params["dimension_numbers"]
        left = equation.invars[0].aval.shape
        return 2 * _size(equation.outvars[0]) * math.prod(left[axis] for axis in contracted)
    if name == "conv_general_dilated":
        kernel = equation.invars[1].aval.shape
        outputs = kernel[params["dimension_numbers"].rhs_spec[0]]
        return 2 * _size(equation.outvars[0]) * math.prod(kernel) // outputs
    if name == "cond":
        return max(flops_of(branch) for branch in params["branches"])
    times = params["length"] if name == "scan" else 1
    return times * sum(flops_of(inner) for inner in _inner(params))


def _size(variable: Any) -> int:
    return math.prod(variable.aval.shape)


def _inner(params: dict[str, Any]) -> Iterator[Any]:
    kinds = (Jaxpr, ClosedJaxpr)
    for value in jax.tree.leaves(list(params.values()), is_leaf=lambda v: isinstance(v, kinds)):
        if isinstance(value, kinds):
            yield value
