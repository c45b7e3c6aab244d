"""Replaces the intermediate operators that are left by TFLite ones."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..dim_expression import interpret
from ..errors import UnsupportedOpError
from ..graph import Graph, Op, Tensor
from ..symbolic import Dim, all_static, is_static, pad_rank, same_dim
from .driver import RuleSet
from .filling import legal_constant_broadcast, legal_zeros
from .pattern import Anything, Node, Number, Uniform, match, uniform_value
from .pooling import legal_sum_pool

legalise = RuleSet()
legalise.on("sum_pool")(legal_sum_pool)
legalise.on("zeros")(legal_zeros)
legalise.on("broadcast")(legal_constant_broadcast)

_BOOL = np.dtype(np.bool_)


class _Math:
    """Short names for the operators of one formula on `x`."""

    def __init__(self, graph: Graph, x: Tensor) -> None:
        self.graph, self.x = graph, x

    def number(self, value: float) -> Tensor:
        return self.graph.constant(np.float32(value))

    def op(
        self, kind: str, *inputs: Tensor | float, dtype: Any = np.float32, **options: Any
    ) -> Tensor:
        tensors = [t if isinstance(t, Tensor) else self.number(t) for t in inputs]
        return self.graph.add(kind, tensors, self.x.shape, dtype, **options)


@legalise.on("log1p")
def log1p(graph: Graph, op: Op) -> bool:
    """Logarithm of u = 1 + x, plus (x - (u - 1)) / u, which corrects the rounding of u.

    Where u - 1 is x the correction is 0; asking for that also keeps x = inf and x = -1 right.
    """
    m = _Math(graph, op.operand(0))
    x = m.x
    u = m.op("ADD", x, 1.0)
    back = m.op("SUB", u, 1.0)
    correction = m.op("DIV", m.op("SUB", x, back), u)
    between_0_and_1 = match(Node("EXP", Node("NEG", Node("ABS", Anything("y")))), x) is not None
    if not between_0_and_1:
        exact = m.op("EQUAL", back, x, dtype=_BOOL)
        correction = m.op("SELECT_V2", exact, 0.0, correction)
    graph.replace(op.out, m.op("ADD", m.op("LOG", u), correction))
    return True


@legalise.on("expm1")
def expm1_below_zero(graph: Graph, op: Op) -> bool:
    """expm1 of what is never positive is ELU."""
    x = op.operand(0)
    guard = match(_GUARDED, x)
    if guard is not None:
        x = graph.add("MINIMUM", [guard["x"], graph.constant(np.float32(0))], x.shape)
    elif not _never_positive(x):
        return False
    graph.replace(op.out, graph.add("ELU", [x], op.out.shape))
    return True


_GUARDED = Node(
    "SELECT_V2", Node("GREATER", Anything("x"), Number(0.0)), Number(0.0), Anything("x")
)


def _never_positive(x: Tensor) -> bool:
    for kind in ("MUL", "DIV"):
        scaled = match(Node(kind, Anything("x"), Uniform("scale")), x)
        if scaled is not None and (uniform_value(scaled["scale"]) or 0.0) > 0.0:
            return _never_positive(scaled["x"])
    negated = Node("NEG", Node("ABS|RELU|SQUARE", Anything("y")))
    return any(
        match(p, x) is not None for p in (Node("MINIMUM", Anything("y"), Number(0.0)), negated)
    )


@legalise.on("expm1")
def expm1(graph: Graph, op: Op) -> bool:
    """Exponential minus 1: ELU(x) below 0, else -ELU(-x) * exp(x); ELU is accurate near 0."""
    m = _Math(graph, op.operand(0))
    below = m.op("ELU", m.op("NEG", m.op("ABS", m.x)))
    grown = m.op("MUL", below, m.op("EXP", m.op("RELU", m.x)))
    sign = m.op("NEG", m.op("SIGN", m.x))
    graph.replace(op.out, m.op("MUL", sign, grown))
    return True


@legalise.on("erfc")
def erfc(graph: Graph, op: Op) -> bool:
    """Complementary error function: GELU(y) / (y / 2) with y = -z * sqrt(2).

    For GELU(y) = y / 2 * erfc(-y / sqrt(2)).

    z is clipped to where erfc is neither 0 nor 2 in float32; at 0 the quotient is replaced by 1.
    """
    m = _Math(graph, op.operand(0))
    graph.replace(op.out, _erfc(m, m.x))
    return True


def _erfc(m: _Math, z: Tensor) -> Tensor:
    inside = m.op("MINIMUM", m.op("MAXIMUM", z, -11.0), 11.0)
    y = m.op("MUL", inside, -math.sqrt(2.0))
    quotient = m.op("DIV", m.op("GELU", y, approximate=False), m.op("MUL", y, 0.5))
    near_zero = m.op("LESS", m.op("ABS", inside), 1e-20, dtype=_BOOL)
    return m.op("SELECT_V2", near_zero, 1.0, quotient)


@legalise.on("erf")
def erf(graph: Graph, op: Op) -> bool:
    """Error function: 1 - erfc(z), and near 0, where that cancels, 2/sqrt(pi) (z - z^3/3 + ...)."""
    m = _Math(graph, op.operand(0))
    far = m.op("SUB", 1.0, _erfc(m, m.x))
    square = m.op("SQUARE", m.x)
    terms = [
        (-1) ** n / (math.factorial(n) * (2 * n + 1)) * 2 / math.sqrt(math.pi) for n in range(7)
    ]
    series: Tensor | float = terms[-1]
    for term in reversed(terms[:-1]):
        series = m.op("ADD", m.op("MUL", square, series), term)
    near = m.op("MUL", m.x, series)
    small = m.op("LESS", m.op("ABS", m.x), 0.5, dtype=_BOOL)
    graph.replace(op.out, m.op("SELECT_V2", small, near, far))
    return True


# Sizes that are only known while running.


@legalise.on("dim_value")
def dim_value(graph: Graph, op: Op) -> bool:
    """A free size, or an expression such as `8*b + 1`, as an int32 scalar."""
    graph.replace(op.out, _dim_scalar(graph, op.options["dim"], op.where))
    return True


def _dim_scalar(graph: Graph, dim: Dim, where: str) -> Tensor:
    try:
        return interpret(
            dim,
            lambda name: _symbol_scalar(graph, name, where),
            lambda value: graph.constant(np.int32(value)),
            lambda kind, *inputs: graph.add(kind, inputs, (), np.int32),
        )
    except ValueError as error:
        raise UnsupportedOpError(
            where, "a size made of + - * // % max min", f"`{dim}`", "Give that axis a number."
        ) from error


def _symbol_scalar(graph: Graph, symbol: str, where: str) -> Tensor:
    """The size of the first input axis that is this symbol."""
    if symbol in graph.symbols:
        return graph.symbols[symbol]
    for tensor in graph.inputs:
        for axis, dim in enumerate(tensor.shape):
            if not is_static(dim) and str(dim) == symbol:
                shape = graph.add("SHAPE", [tensor], (tensor.rank,), np.int32, out_type=np.int32)
                bounds = [graph.ints([n]) for n in (axis, axis + 1, 1)]
                return graph.add("STRIDED_SLICE", [shape, *bounds], (), shrink_axis_mask=1)
    raise UnsupportedOpError(
        where,
        f"an input axis that is `{symbol}` itself, to read the size from",
        "it only inside expressions",
        "Name the axis in the specs, or give it a number.",
    )


def shape_vector(graph: Graph, shape: tuple[Dim, ...], where: str) -> Tensor:
    """A shape as an int32 vector, computed while running where it has free sizes."""
    if all_static(shape):
        return graph.ints(shape)
    scalars = [_dim_scalar(graph, dim, where) for dim in shape]
    return graph.add("PACK", scalars, (len(shape),), np.int32, values_count=len(shape), axis=0)


@legalise.on("shape_vector")
def shape_operand(graph: Graph, op: Op) -> bool:
    """A shape that an operator wants as an operand."""
    graph.replace(op.out, shape_vector(graph, op.options["dims"], op.where))
    return True


@legalise.on("RESHAPE")
def reshape_target(graph: Graph, op: Op) -> bool:
    """Add the second operand. One free size is -1, which keeps the operator's shape static."""
    if len(op.inputs) == 2:
        return False
    shape = op.out.shape
    if not shape:
        # An empty shape vector would be an empty buffer, which LiteRT takes for an unknown value.
        graph.replace(op.out, graph.add("SQUEEZE", [op.operand(0)], ()))
        return True
    free = [dim for dim in shape if not is_static(dim)]
    if len(free) == 1 and 0 not in [dim for dim in shape if is_static(dim)]:
        target = graph.ints(dim if is_static(dim) else -1 for dim in shape)
    else:
        target = shape_vector(graph, shape, op.where)
    graph.replace(op.out, graph.add("RESHAPE", [op.operand(0), target], shape))
    return True


@legalise.on("transpose_conv", "transpose_conv_3d")
def transpose_conv(graph: Graph, op: Op) -> bool:
    """TRANSPOSE_CONV or CONV_3D_TRANSPOSE, which want the shape of their output first."""
    x, kernel, bias = op.inputs
    kind = "TRANSPOSE_CONV" if op.kind == "transpose_conv" else "CONV_3D_TRANSPOSE"
    target = shape_vector(graph, op.out.shape, op.where)
    inputs = [target, kernel, x, bias]
    graph.replace(op.out, graph.add(kind, inputs, op.out.shape, np.float32, **op.options))
    return True


@legalise.on("broadcast")
def broadcast_to(graph: Graph, op: Op) -> bool:
    """A broadcast that its reader needs written out; TILE where the sizes to repeat are known."""
    x = op.operand(0)
    own = pad_rank(x.shape, op.out.rank)
    pairs = list(zip(own, op.out.shape, strict=True))
    counts = [1 if same_dim(a, b) else b for a, b in pairs]
    if not all_static(op.out.shape) and all_static(counts):
        if x.rank < op.out.rank:
            x = graph.add("RESHAPE", [x], own)
        graph.replace(op.out, graph.add("TILE", [x, graph.ints(counts)], op.out.shape))
        return True
    target = shape_vector(graph, op.out.shape, op.where)
    graph.replace(op.out, graph.add("BROADCAST_TO", [op.operand(0), target], op.out.shape))
    return True
