"""Arithmetic and mathematical functions, element by element."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..graph import Tensor
from ..symbolic import broadcast
from .lowerer import Lowerer
from .registry import lowers

_FLOAT = (np.dtype(np.float32),)
_NUMBERS = (np.dtype(np.float32), np.dtype(np.int32))

_BINARY = {
    "add": "ADD",
    "add_any": "ADD",
    "sub": "SUB",
    "mul": "MUL",
    "div": "DIV",
    "max": "MAXIMUM",
    "min": "MINIMUM",
    "pow": "POW",
}

# Kind, and whether int32 has a kernel too. Small letters: see `legalise`.
_UNARY = {
    "neg": ("NEG", True),
    "abs": ("ABS", True),
    "sign": ("SIGN", True),
    "square": ("SQUARE", False),
    "exp": ("EXP", False),
    "log": ("LOG", False),
    "sqrt": ("SQRT", False),
    "rsqrt": ("RSQRT", False),
    "sin": ("SIN", False),
    "cos": ("COS", False),
    "floor": ("FLOOR", False),
    "ceil": ("CEIL", False),
    "tanh": ("TANH", False),
    "logistic": ("LOGISTIC", False),
    "log1p": ("log1p", False),
    "expm1": ("expm1", False),
    "erf": ("erf", False),
    "erfc": ("erfc", False),
}


def check_dtype(
    lowerer: Lowerer, eqn: Any, tensors: Sequence[Tensor], allowed: Sequence[np.dtype]
) -> None:
    """Refuse operands without a kernel, or whose kernel means something else (uint8: quantised)."""
    for tensor in tensors:
        if tensor.dtype not in allowed:
            names = " or ".join(dtype.name for dtype in allowed)
            raise lowerer.refuse(
                eqn, f"operands of {names}", "Cast them with x.astype(jnp.float32) first."
            )


def binary(lowerer: Lowerer, kind: str, left: Tensor, right: Tensor, dtype: Any = None) -> Tensor:
    """A binary op, which broadcasts by itself."""
    shape = broadcast(left.shape, right.shape)
    assert shape is not None, f"{left} and {right} do not broadcast"
    return lowerer.graph.add(kind, [left, right], shape, dtype)


def unary(lowerer: Lowerer, kind: str, x: Tensor) -> Tensor:
    """A unary op."""
    return lowerer.graph.add(kind, [x], x.shape)


def scalar(lowerer: Lowerer, value: float, like: Tensor) -> Tensor:
    """A constant of the dtype of `like`."""
    return lowerer.graph.constant(np.asarray(value, like.dtype))


def select(lowerer: Lowerer, condition: Tensor, then: Tensor, otherwise: Tensor) -> Tensor:
    """`then` where the condition holds, `otherwise` elsewhere."""
    if then is otherwise:
        return then
    if condition.data is not None and condition.data.all():
        return then
    if condition.data is not None and not condition.data.any():
        return otherwise
    pair = broadcast(then.shape, otherwise.shape)
    shape = None if pair is None else broadcast(condition.shape, pair)
    assert shape is not None, f"{condition}, {then} and {otherwise} do not broadcast"
    return lowerer.graph.add("SELECT_V2", [condition, then, otherwise], shape, then.dtype)


@lowers(*_BINARY)
def lower_binary(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """One broadcasting operator."""
    name = eqn.primitive.name
    if name == "pow" and inputs[1].dtype == np.int32 and inputs[0].dtype == np.float32:
        inputs = [inputs[0], lowerer.graph.add("CAST", [inputs[1]], inputs[1].shape, np.float32)]
    check_dtype(lowerer, eqn, inputs, _FLOAT if name == "pow" else _NUMBERS)
    if name == "div" and inputs[0].dtype == np.int32:
        return _integer_quotient(lowerer, *inputs)
    return binary(lowerer, _BINARY[name], *inputs)


def _integer_quotient(lowerer: Lowerer, x: Tensor, y: Tensor) -> Tensor:
    """DIV, which cuts towards 0 too; -1 for y = 0, as XLA has it."""
    whole = binary(lowerer, "DIV", x, without_zeros(lowerer, y))
    if y.data is not None and y.data.all():
        return whole
    zero = binary(lowerer, "EQUAL", y, scalar(lowerer, 0, y), np.bool_)
    return select(lowerer, zero, scalar(lowerer, -1, x), whole)


@lowers(*_UNARY)
def lower_unary(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """One operator on one operand."""
    kind, integers = _UNARY[eqn.primitive.name]
    if eqn.primitive.name == "square" and inputs[0].dtype == np.int32:
        return binary(lowerer, "MUL", inputs[0], inputs[0])
    check_dtype(lowerer, eqn, inputs, _NUMBERS if integers else _FLOAT)
    return unary(lowerer, kind, inputs[0])


@lowers("integer_pow")
def lower_integer_pow(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """x**n for a constant integer n by squaring, as JAX computes it."""
    (x,) = inputs
    power = int(eqn.params["y"])
    check_dtype(lowerer, eqn, inputs, _FLOAT if power < 0 else _NUMBERS)
    result: Tensor | None = None
    square, rest = x, abs(power)
    while rest:
        if rest & 1:
            result = square if result is None else binary(lowerer, "MUL", square, result)
        rest >>= 1
        if rest:
            square = binary(lowerer, "MUL", square, square)
    one = scalar(lowerer, 1, x)
    if result is None:
        return one
    return result if power > 0 else binary(lowerer, "DIV", one, result)


@lowers("one_minus_square")
def lower_one_minus_square(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """1 - x * x, which newer JAX writes in derivatives of tanh."""
    check_dtype(lowerer, eqn, inputs, _FLOAT)
    (x,) = inputs
    return binary(lowerer, "SUB", scalar(lowerer, 1.0, x), unary(lowerer, "SQUARE", x))


@lowers("exp2")
def lower_exp2(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """2**x as POW."""
    check_dtype(lowerer, eqn, inputs, _FLOAT)
    return binary(lowerer, "POW", scalar(lowerer, 2.0, inputs[0]), inputs[0])


@lowers("tan")
def lower_tan(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """The tangent as sine over cosine."""
    check_dtype(lowerer, eqn, inputs, _FLOAT)
    return binary(
        lowerer, "DIV", unary(lowerer, "SIN", inputs[0]), unary(lowerer, "COS", inputs[0])
    )


@lowers("atan2")
def lower_atan2(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """ATAN2, whose kernel alone among the binary ones does not broadcast."""
    check_dtype(lowerer, eqn, inputs, _FLOAT)
    shape = eqn.outvars[0].aval.shape
    y, x = (lowerer.full(tensor, shape) for tensor in inputs)
    return lowerer.graph.add("ATAN2", [y, x], shape)


@lowers("atan")
def lower_atan(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """atan(x) = atan2(x, 1), with ones of the shape of x from x == x; NaN stays NaN."""
    check_dtype(lowerer, eqn, inputs, _FLOAT)
    (x,) = inputs
    same = binary(lowerer, "EQUAL", x, x, np.bool_)
    ones = lowerer.graph.add("CAST", [same], x.shape, np.float32)
    return lowerer.graph.add("ATAN2", [x, ones], x.shape)


@lowers("sinh", "cosh")
def lower_hyperbolic(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """(expm1(x) - expm1(-x)) / 2, which keeps small x exact, and (e^x + e^-x) / 2."""
    check_dtype(lowerer, eqn, inputs, _FLOAT)
    (x,) = inputs
    sine = eqn.primitive.name == "sinh"
    exp = "expm1" if sine else "EXP"
    up, down = unary(lowerer, exp, x), unary(lowerer, exp, unary(lowerer, "NEG", x))
    both = binary(lowerer, "SUB" if sine else "ADD", up, down)
    return binary(lowerer, "MUL", both, scalar(lowerer, 0.5, x))


@lowers("round")
def lower_round(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """ROUND goes to even; away from zero is sign(x) * (floor|x| + [frac|x| >= .5])."""
    check_dtype(lowerer, eqn, inputs, _FLOAT)
    (x,) = inputs
    if int(eqn.params["rounding_method"]) == 1:
        return unary(lowerer, "ROUND", x)
    magnitude = unary(lowerer, "ABS", x)
    floor = unary(lowerer, "FLOOR", magnitude)
    half = binary(
        lowerer,
        "GREATER_EQUAL",
        binary(lowerer, "SUB", magnitude, floor),
        scalar(lowerer, 0.5, x),
        np.bool_,
    )
    up = lowerer.graph.add("CAST", [half], half.shape, np.float32)
    return binary(lowerer, "MUL", unary(lowerer, "SIGN", x), binary(lowerer, "ADD", floor, up))


@lowers("rem")
def lower_rem(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """sign(x) * (|x| mod |y|): FLOOR_MOD alone would take the sign of the divisor."""
    check_dtype(lowerer, eqn, inputs, _NUMBERS)
    x, y = inputs
    if x.dtype == np.int32:
        return _integer_rest(lowerer, x, y)
    rest = binary(lowerer, "FLOOR_MOD", unary(lowerer, "ABS", x), _magnitude(lowerer, y))
    return binary(lowerer, "MUL", unary(lowerer, "SIGN", x), rest)


def _integer_rest(lowerer: Lowerer, x: Tensor, y: Tensor) -> Tensor:
    """X - y * (x / y), where the quotient is cut towards 0; x itself for y = 0, as XLA has it."""
    whole = binary(lowerer, "DIV", x, without_zeros(lowerer, y))
    return binary(lowerer, "SUB", x, binary(lowerer, "MUL", whole, y))


def without_zeros(lowerer: Lowerer, y: Tensor) -> Tensor:
    """An integer divisor with 1 for 0, which the kernels report as an error."""
    if y.dtype != np.int32 or (y.data is not None and y.data.all()):
        return y
    zero = binary(lowerer, "EQUAL", y, scalar(lowerer, 0, y), np.bool_)
    return select(lowerer, zero, scalar(lowerer, 1, y), y)


def _magnitude(lowerer: Lowerer, y: Tensor) -> Tensor:
    return (
        lowerer.graph.constant(np.abs(y.data)) if y.data is not None else unary(lowerer, "ABS", y)
    )


@lowers("clamp")
def lower_clamp(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """MAXIMUM, then MINIMUM; rewrites make RELU6 and its like of them."""
    check_dtype(lowerer, eqn, inputs, _NUMBERS)
    low, x, high = inputs
    return binary(lowerer, "MINIMUM", binary(lowerer, "MAXIMUM", x, low), high)


@lowers("convert_element_type")
def lower_cast(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """CAST, unless the dtype stays."""
    (x,) = inputs
    dtype = np.dtype(eqn.params["new_dtype"])
    return x if dtype == x.dtype else lowerer.graph.add("CAST", [x], x.shape, dtype)


@lowers("stop_gradient", "copy", "copy_p", "optimization_barrier", "sharding_constraint")
def lower_identity(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Sequence[Tensor]:
    """Markers that compute nothing."""
    return inputs


@lowers("reduce_precision")
def lower_reduce_precision(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """Nothing, where the precision is that of float32."""
    if eqn.params["exponent_bits"] != 8 or eqn.params["mantissa_bits"] != 23:
        raise lowerer.refuse(eqn, "float32 precision", "Leave out jax.lax.reduce_precision.")
    return inputs[0]
