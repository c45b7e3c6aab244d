"""Complex numbers inside a function, kept as pairs of float32 tensors.

A complex tensor is the output of an intermediate `complex` operator of its real and its imaginary
part. Whatever reads it reads the parts, so that the operator itself dies unless it is an output.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from ..graph import Tensor
from ..symbolic import broadcast
from .elementwise import binary, unary
from .lowerer import Lowerer
from .registry import LOWERINGS, lowers_complex

COMPLEX = np.dtype(np.complex64)

Parts: TypeAlias = tuple[Tensor, Tensor]

# Primitives that treat both parts alike, and operands that are no complex numbers the same twice.
_PARTWISE = (
    *("add", "add_any", "sub", "neg", "reduce_sum", "cumsum", "copy", "copy_p", "stop_gradient"),
    *("reshape", "squeeze", "expand_dims", "transpose", "broadcast_in_dim", "rev", "tile"),
    *("slice", "dynamic_slice", "dynamic_update_slice", "gather", "select_n", "pad"),
    *("concatenate", "split", "stack", "unstack"),
)
_PRODUCTS = ("mul", "dot_general")


def parts(lowerer: Lowerer, x: Tensor) -> Parts:
    """The real and the imaginary part; that of a real number is 0."""
    if x.data is not None:
        return lowerer.graph.constant(np.real(x.data)), lowerer.graph.constant(np.imag(x.data))
    if x.dtype != COMPLEX:
        return x, lowerer.graph.constant(np.float32(0))
    assert x.producer is not None
    assert x.producer.kind == "complex"
    return x.producer.operand(0), x.producer.operand(1)


def joined(lowerer: Lowerer, real: Tensor, imaginary: Tensor) -> Tensor:
    """The complex tensor of two parts, which may be broadcasts of each other."""
    shape = broadcast(real.shape, imaginary.shape)
    assert shape is not None
    return lowerer.graph.add("complex", [real, imaginary], shape, COMPLEX)


@lowers_complex(*_PARTWISE)
def lower_partwise(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Sequence[Tensor]:
    """The same operator on real parts and on imaginary parts."""
    pairs = [parts(lowerer, x) if x.dtype == COMPLEX else (x, x) for x in inputs]
    results = []
    for side in (0, 1):
        result = LOWERINGS[eqn.primitive.name](lowerer, eqn, [pair[side] for pair in pairs])
        results.append([result] if isinstance(result, Tensor) else list(result))
    return [joined(lowerer, re, im) for re, im in zip(*results, strict=True)]


@lowers_complex(*_PRODUCTS)
def lower_product(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """(a + ib)(c + id) = ac - bd + i(ad + bc), without the products by a constant 0."""
    (a, b), (c, d) = (parts(lowerer, x) for x in inputs)

    def times(x: Tensor, y: Tensor) -> Tensor | None:
        if _is_zero(x) or _is_zero(y):
            return None
        result = LOWERINGS[eqn.primitive.name](lowerer, eqn, [x, y])
        assert isinstance(result, Tensor)
        return result

    real = _sum(lowerer, "SUB", times(a, c), times(b, d))
    return joined(lowerer, real, _sum(lowerer, "ADD", times(a, d), times(b, c)))


def _is_zero(x: Tensor) -> bool:
    return x.data is not None and not x.data.any()


def _sum(lowerer: Lowerer, kind: str, left: Tensor | None, right: Tensor | None) -> Tensor:
    if left is not None and right is not None:
        return binary(lowerer, kind, left, right)
    if left is not None:
        return left
    if right is None:
        return lowerer.graph.constant(np.float32(0))
    return right if kind == "ADD" else unary(lowerer, "NEG", right)


@lowers_complex("square")
def lower_square(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """(a + ib)^2 = (a - b)(a + b) + 2iab."""
    a, b = parts(lowerer, inputs[0])
    real = binary(lowerer, "MUL", binary(lowerer, "SUB", a, b), binary(lowerer, "ADD", a, b))
    return joined(lowerer, real, binary(lowerer, "MUL", binary(lowerer, "ADD", a, a), b))


@lowers_complex("div")
def lower_quotient(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """Division by a real number."""
    (a, b), (c, d) = (parts(lowerer, x) for x in inputs)
    if not _is_zero(d):
        raise lowerer.refuse(eqn, "a real divisor", "Multiply by conj(y) / |y|**2 instead.")
    return joined(lowerer, binary(lowerer, "DIV", a, c), binary(lowerer, "DIV", b, c))


@lowers_complex("complex")
def lower_complex(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """A pair of parts."""
    return joined(lowerer, *inputs)


@lowers_complex("real", "imag")
def lower_part(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """One of the parts."""
    return parts(lowerer, inputs[0])[eqn.primitive.name == "imag"]


@lowers_complex("conj")
def lower_conjugate(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """The imaginary part with the opposite sign."""
    real, imaginary = parts(lowerer, inputs[0])
    if imaginary.data is not None:
        return joined(lowerer, real, lowerer.graph.constant(-imaginary.data))
    return joined(lowerer, real, unary(lowerer, "NEG", imaginary))


@lowers_complex("abs")
def lower_magnitude(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """The root of the sum of squares."""
    squares = [unary(lowerer, "SQUARE", part) for part in parts(lowerer, inputs[0])]
    return unary(lowerer, "SQRT", binary(lowerer, "ADD", *squares))


@lowers_complex("exp")
def lower_exponential(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """e^a (cos b + i sin b)."""
    a, b = parts(lowerer, inputs[0])
    size = unary(lowerer, "EXP", a)
    real = binary(lowerer, "MUL", size, unary(lowerer, "COS", b))
    return joined(lowerer, real, binary(lowerer, "MUL", size, unary(lowerer, "SIN", b)))


@lowers_complex("convert_element_type")
def lower_conversion(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """Float to complex adds an imaginary part of 0; complex to float drops it."""
    (x,) = inputs
    dtype = np.dtype(eqn.params["new_dtype"])
    if x.dtype != COMPLEX:
        if x.dtype != np.float32:
            x = lowerer.graph.add("CAST", [x], x.shape, np.float32)
        return joined(lowerer, x, lowerer.graph.constant(np.float32(0)))
    real, _ = parts(lowerer, x)
    if dtype == COMPLEX:
        return x
    return real if dtype == np.float32 else lowerer.graph.add("CAST", [real], real.shape, dtype)
