"""Activation functions from the primitives that jax.nn composes them of."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..graph import Graph, Op, Tensor
from ..symbolic import same_shape
from .driver import RuleSet
from .pattern import Anything, Bindings, Node, Number, Pattern, Uniform, match, uniform_value

activations = RuleSet()

_x = Anything("x")
_zero = Number(0.0)


def _pattern(kind: str, pattern: Pattern, result: str, **options: Any) -> None:
    """Register: what `pattern` matches, at an op of `kind`, is `result` of x."""

    def rewrite(graph: Graph, op: Op) -> bool:
        found = match(pattern, op.out)
        if found is None or found["x"].dtype != np.float32:
            return False
        if not same_shape(found["x"].shape, op.out.shape):
            return False
        values = {k: v(found) if callable(v) else v for k, v in options.items()}
        graph.replace(op.out, graph.add(result, [found["x"]], op.out.shape, **values))
        return True

    activations.on(kind)(rewrite)


def _value(name: str) -> Callable[[Bindings], float]:
    def read(found: Bindings) -> float:
        value = uniform_value(found[name])
        assert value is not None
        return value

    return read


# Clipped lines.
_relu = Node("RELU", _x)
_pattern("MAXIMUM", Node("MAXIMUM", _x, _zero), "RELU")
_pattern("MINIMUM", Node("MINIMUM", _relu, Number(6.0)), "RELU6")
_pattern("RELU", Node("RELU", Node("MINIMUM", _x, Number(6.0))), "RELU6")
_pattern("MINIMUM", Node("MINIMUM", _relu, Number(1.0)), "RELU_0_TO_1")
_pattern("RELU", Node("RELU", Node("MINIMUM", _x, Number(1.0))), "RELU_0_TO_1")
_unit_low = Node("MAXIMUM", _x, Number(-1.0))
_pattern("MINIMUM", Node("MINIMUM", _unit_low, Number(1.0)), "RELU_N1_TO_1")
_unit_high = Node("MINIMUM", _x, Number(1.0))
_pattern("MAXIMUM", Node("MAXIMUM", _unit_high, Number(-1.0)), "RELU_N1_TO_1")
_pattern(
    "SELECT_V2",
    Node(
        "SELECT_V2",
        Node("GREATER", _x, Number(1.0)),
        Number(1.0),
        Node("SELECT_V2", Node("LESS", _x, Number(-1.0)), Number(-1.0), _x),
    ),
    "RELU_N1_TO_1",
)
_positive = Node("GREATER|GREATER_EQUAL", _x, _zero)
_pattern("SELECT_V2", Node("SELECT_V2", _positive, _x, _zero), "RELU")
_slope = Uniform("slope")
_leak = Node("MUL", _x, _slope)
_pattern("SELECT_V2", Node("SELECT_V2", _positive, _x, _leak), "LEAKY_RELU", alpha=_value("slope"))
_line = Node("ADD", _x, Number(3.0))
_pattern("MUL", Node("MUL", _x, Node("DIV", Node("RELU6", _line), Number(6.0))), "HARD_SWISH")
_pattern("MUL", Node("MUL", _x, Node("MUL", Node("RELU6", _line), Number(1 / 6))), "HARD_SWISH")
_pattern("MUL", Node("MUL", Node("MUL", _x, Node("RELU6", _line)), Number(1 / 6)), "HARD_SWISH")
_pattern("DIV", Node("DIV", Node("MUL", _x, Node("RELU6", _line)), Number(6.0)), "HARD_SWISH")


@activations.on("MAXIMUM")
def leaky_maximum(graph: Graph, op: Op) -> bool:
    """max(x, a * x) is a leaky ReLU for 0 < a < 1."""
    found = match(Node("MAXIMUM", _x, _leak), op.out)
    if found is None or op.out.dtype != np.float32:
        return False
    slope = _value("slope")(found)
    if not 0.0 < slope < 1.0 or not same_shape(found["x"].shape, op.out.shape):
        return False
    graph.replace(op.out, graph.add("LEAKY_RELU", [found["x"]], op.out.shape, alpha=slope))
    return True


# Exponential ones. jax.nn.elu guards expm1 against large x by a second selection.
_guarded = Node("SELECT_V2", Node("GREATER", _x, _zero), _zero, _x)
_below = Node("MINIMUM", _x, _zero)
_tail = Node("expm1", _guarded)
_pattern("SELECT_V2", Node("SELECT_V2", _positive, _x, _tail), "ELU")
_pattern("SELECT_V2", Node("SELECT_V2", _positive, _x, Node("expm1", _x)), "ELU")
_pattern("ADD", Node("ADD", _relu, Node("expm1", _below)), "ELU")


@activations.on("SELECT_V2")
def scaled_elu(graph: Graph, op: Op) -> bool:
    """LEAKY_RELU(ELU(x), a) for a * expm1(x) below 0 and x above, which ELU leaves alone."""
    scale = Uniform("scale")
    for tail in (_tail, Node("expm1", _x)):
        found = match(Node("SELECT_V2", _positive, _x, Node("MUL", tail, scale)), op.out)
        if found is not None and same_shape(found["x"].shape, op.out.shape):
            elu = graph.add("ELU", [found["x"]], op.out.shape)
            alpha = _value("scale")(found)
            graph.replace(op.out, graph.add("LEAKY_RELU", [elu], op.out.shape, alpha=alpha))
            return True
    return False


@activations.on("SELECT_V2")
def to_prelu(graph: Graph, op: Op) -> bool:
    """PRELU: x above 0 and a * x below, with a constant slope for each channel."""
    found = match(Node("SELECT_V2", _positive, _x, Node("MUL", _x, Anything("slope"))), op.out)
    return found is not None and _prelu(graph, op, found["x"], found["slope"], 1.0)


@activations.on("ADD", "SUB")
def to_prelu_by_halves(graph: Graph, op: Op) -> bool:
    """relu(x) - a * relu(-x)."""
    below = Node("MUL", Node("RELU", Node("NEG", _x)), Anything("slope"))
    found = match(Node(op.kind, _relu, below), op.out)
    sign = 1.0 if op.kind == "SUB" else -1.0
    return found is not None and _prelu(graph, op, found["x"], found["slope"], sign)


def _prelu(graph: Graph, op: Op, x: Tensor, slope: Tensor, sign: float) -> bool:
    if slope.data is None or x.dtype != np.float32 or not same_shape(x.shape, op.out.shape):
        return False
    value = uniform_value(slope)
    if value is not None:
        slopes: dict[str, Any] = {"alpha": sign * value}
        graph.replace(op.out, graph.add("LEAKY_RELU", [x], x.shape, **slopes))
        return True
    # The kernel wants the slope without the batch axis, of the rank of one example.
    rank = max(x.rank - 1, 1)
    if slope.data.size != math.prod(slope.shape[-rank:]):
        return False
    shape = (1,) * max(rank - slope.rank, 0) + slope.shape[-rank:]
    alpha = graph.constant((np.float32(sign) * slope.data).reshape(shape))
    graph.replace(op.out, graph.add("PRELU", [x, alpha], x.shape))
    return True


# GELU, by the error function and by its tanh approximation.
_half = Number(0.5)
_erfc = Node("erfc", Node("MUL", Node("NEG", _x), Number(math.sqrt(0.5))))
_erfc_late_sign = Node("erfc", Node("NEG", Node("MUL", _x, Number(math.sqrt(0.5)))))
_erfc_by_division = Node("erfc", Node("DIV", Node("NEG", _x), Number(math.sqrt(2.0))))
_erf = Node("ADD", Node("erf", Node("MUL", _x, Number(math.sqrt(0.5)))), Number(1.0))
_erf_by_division = Node("ADD", Node("erf", Node("DIV", _x, Number(math.sqrt(2.0)))), Number(1.0))
_cube = Node("MUL", _x, Node("SQUARE", _x))
_inner = Node("ADD", _x, Node("MUL", _cube, Number(0.044715)))
_tanh = Node(
    "ADD", Node("TANH", Node("MUL", _inner, Number(math.sqrt(2.0 / math.pi)))), Number(1.0)
)


def _halved_product(factor: Pattern) -> list[Pattern]:
    """The ways to multiply x, a half and a factor."""
    return [
        Node("MUL", Node("MUL", _x, _half), factor),
        Node("MUL", _x, Node("MUL", factor, _half)),
        Node("MUL", Node("MUL", _x, factor), _half),
    ]


for _factor in (_erfc, _erfc_late_sign, _erfc_by_division, _erf, _erf_by_division):
    for _form in _halved_product(_factor):
        _pattern("MUL", _form, "GELU", approximate=False)
for _form in _halved_product(_tanh):
    _pattern("MUL", _form, "GELU", approximate=True)


@activations.on("SELECT_V2")
def drop_nan_guard(graph: Graph, op: Op) -> bool:
    """logaddexp(x, c) returns x + c where x - c is NaN; the other branch is NaN there by itself."""
    difference, either = Anything("d"), Anything("otherwise")
    found = match(
        Node("SELECT_V2", Node("NOT_EQUAL", difference, difference), Anything("nan"), either),
        op.out,
    )
    if found is None:
        return False
    total, d, otherwise = found["nan"], found["d"], found["otherwise"]
    soft = match(
        Node(
            "ADD", Anything("top"), Node("log1p", Node("EXP", Node("NEG", Node("ABS", difference))))
        ),
        otherwise,
    )
    if soft is None or soft["d"] is not d or not same_shape(otherwise.shape, op.out.shape):
        return False
    if not _is_finite_shift(d, total):
        return False
    graph.replace(op.out, otherwise)
    return True


def _is_finite_shift(d: Tensor, total: Tensor) -> bool:
    """Whether d is x or x - c for finite c, and so NaN only where x is, never as inf - inf."""
    if d is total:
        return True
    found = match(Node("SUB", _x, Uniform("c")), d)
    return found is not None and math.isfinite(_value("c")(found))
