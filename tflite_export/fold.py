"""Constant folding: equations whose inputs are all known are computed while exporting.

Common elementwise primitives are computed in numpy, which takes microseconds where binding the
primitive would compile a kernel for each new shape; everything else is bound.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from .symbolic import all_static

_Function = Callable[..., Any]

# Numpy functions that agree with the primitive for float32, int32 and bool operands.
_ELEMENTWISE: dict[str, _Function] = {
    "add": np.add,
    "add_any": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "max": np.maximum,
    "min": np.minimum,
    "neg": np.negative,
    "abs": np.abs,
    "sqrt": np.sqrt,
    "rsqrt": lambda x: (1 / np.sqrt(x)).astype(x.dtype),
    "square": np.square,
    "floor": np.floor,
    "ceil": np.ceil,
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "copy": lambda x: x,
    "copy_p": lambda x: x,
    "stop_gradient": lambda x: x,
}

_FLOAT_ELEMENTWISE: dict[str, _Function] = {"div": np.divide, "exp": np.exp, "log": np.log}

# Elementwise too, but bound: numpy's result may differ, or the parameters matter.
_BOUND_ELEMENTWISE = frozenset(
    (
        *("pow", "integer_pow", "exp2", "exp", "expm1", "log", "log1p", "cbrt", "div", "rem"),
        *("sin", "cos", "tan", "asin", "acos", "atan", "atan2", "tanh", "logistic"),
        *("sinh", "cosh", "asinh", "acosh", "atanh", "erf", "erfc", "erf_inv"),
        *("sign", "round", "is_finite", "nextafter", "select_n", "clamp", "convert_element_type"),
        *("and", "or", "xor", "not", "population_count"),
        *("shift_left", "shift_right_logical", "shift_right_arithmetic"),
    )
)

# Random numbers are refused even from a constant key: the file would repeat one draw for ever.
_NEVER = ("random", "threefry", "rng_", "callback", "while", "scan", "cond", "broadcast_in_dim")


def is_elementwise(primitive: str) -> bool:
    """Whether a primitive can be folded on operands that only broadcast to its shape."""
    return primitive in _ELEMENTWISE or primitive in _BOUND_ELEMENTWISE


def fold_elementwise(eqn: Any, operands: Sequence[np.ndarray]) -> np.ndarray:
    """Compute an elementwise equation on constants that need not have its full shape.

    Args:
        eqn: an equation for which `is_elementwise` holds.
        operands: constants that broadcast against each other.

    Returns:
        The result, of the operands' common shape.
    """
    name = eqn.primitive.name
    floats = all(operand.dtype == np.float32 for operand in operands)
    function = _ELEMENTWISE.get(name) or (_FLOAT_ELEMENTWISE.get(name) if floats else None)
    if name == "convert_element_type":
        return operands[0].astype(eqn.params["new_dtype"])
    if function is None:
        return _bind(eqn, np.broadcast_arrays(*operands))[0]
    with np.errstate(all="ignore"):
        return np.asarray(function(*operands), eqn.outvars[0].aval.dtype)


def can_bind(eqn: Any) -> bool:
    """Whether an equation on constants can be computed by binding its primitive."""
    name = eqn.primitive.name
    if any(part in name for part in _NEVER):
        return False
    avals = [var.aval for var in (*eqn.invars, *eqn.outvars)]
    return all(hasattr(aval, "shape") and all_static(aval.shape) for aval in avals)


def fold_bound(eqn: Any, operands: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Compute an equation on constants of its full shapes, moves of elements in numpy."""
    name, params = eqn.primitive.name, eqn.params
    if name in ("squeeze", "expand_dims") or (name == "reshape" and params["dimensions"] is None):
        return [np.reshape(operands[0], eqn.outvars[0].aval.shape)]
    if name == "transpose":
        return [np.ascontiguousarray(np.transpose(operands[0], params["permutation"]))]
    return _bind(eqn, operands)


def _bind(eqn: Any, operands: Sequence[np.ndarray]) -> list[np.ndarray]:
    with jax.ensure_compile_time_eval():
        result = eqn.primitive.bind(*[jax.numpy.asarray(o) for o in operands], **eqn.params)
    results = result if eqn.primitive.multiple_results else [result]
    return [np.asarray(value) for value in results]
