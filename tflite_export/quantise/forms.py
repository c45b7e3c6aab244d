"""Rewrites of operators without an integer kernel as ones that have one."""

from __future__ import annotations

import numpy as np

from ..graph import Graph, Op
from ..rewrites.driver import RuleSet

integer_forms = RuleSet()

_FLOAT = np.dtype(np.float32)


@integer_forms.on("SQUARE")
def square(graph: Graph, op: Op) -> bool:
    """Square x as x * x."""
    x = op.operand(0)
    graph.replace(op.out, graph.add("MUL", [x, x], op.out.shape, fused_activation_function="NONE"))
    return True


@integer_forms.on("NEG")
def negative(graph: Graph, op: Op) -> bool:
    """Negate x as x * -1."""
    if op.out.dtype != _FLOAT:
        return False
    inputs = [op.operand(0), graph.constant(np.float32(-1))]
    options = {"fused_activation_function": "NONE"}
    graph.replace(op.out, graph.add("MUL", inputs, op.out.shape, **options))
    return True


@integer_forms.on("DIV")
def division(graph: Graph, op: Op) -> bool:
    """Divide by a constant c as x * (1 / c)."""
    divisor = op.operand(1).data
    if divisor is None or op.out.dtype != _FLOAT or not divisor.all():
        return False
    factor = (1.0 / divisor.astype(np.float64)).astype(np.float32)
    if not np.isfinite(factor).all():
        return False
    inputs = [op.operand(0), graph.constant(factor)]
    graph.replace(op.out, graph.add("MUL", inputs, op.out.shape, **op.options))
    return True
