"""What loops and branches pass in and out as integers: each such value has one set of parameters.

That of a loop's carry holds for what goes into the loop, what each round reads and hands on, and
what comes out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..graph import Graph, Op, Tensor
from ..quantisation import Quantisation
from .kernels import KERNELS, Scales, fixed_quantisation
from .recurrences import float_states, has_float_test
from .tensor_ranges import range_of

if TYPE_CHECKING:
    from .plan import Plan


class InnerPlans:
    """The plans of the graphs inside an operator.

    Args:
        op: WHILE or IF.
        plans: one for each of its graphs.
        inputs: which of the graphs' inputs are integers.
        outputs: which of the operator's outputs are.
    """

    def __init__(
        self, op: Op, plans: Sequence[Plan], inputs: Sequence[bool], outputs: Sequence[bool]
    ) -> None:
        self.op, self.plans, self.inputs = op, plans, inputs
        self.values = inner_values(op)
        self.read = {t for t, flag in zip(self.values, inputs, strict=True) if flag}
        self.written = {t for t, flag in zip(op.outputs, outputs, strict=True) if flag}
        self.given: list[Quantisation | None] = []  # parameters of the inputs, once assigned
        self.results: list[Quantisation | None] = []  # and of the outputs

    def assign(self, outer: Plan) -> dict[Tensor, Quantisation]:
        """Find all parameters inside; returns those of the operator's outputs."""
        self.given = [
            self._given(outer, number) if flag else None for number, flag in enumerate(self.inputs)
        ]
        self.results = (
            self.given
            if self.op.kind == "WHILE"
            else [outer.parameters(t) if t in self.written else None for t in self.op.outputs]
        )
        for value, q in zip(self.values, self.given, strict=True):
            if q is not None:
                outer.adopt(value, q)
        for plan, graph in zip(self.plans, self.op.graphs, strict=True):
            inputs, outputs = _known(graph.inputs, self.given), self.results_of(graph)
            plan.assign(inputs, _known(graph.outputs, outputs))
        return _known(self.op.outputs, self.results)

    def results_of(self, graph: Graph) -> Sequence[Quantisation | None]:
        """The parameters of those outputs of an inner graph that are integers."""
        tests = self.op.kind == "WHILE" and graph is self.op.graphs[0]
        return [None] if tests else self.results

    def _given(self, outer: Plan, number: int) -> Quantisation | None:
        if self.op.kind == "IF":
            return outer.parameters(self.values[number])
        body = self.plans[1]
        before, after = body.graph.inputs[number], body.graph.outputs[number]
        if after is before:
            return outer.parameters(self.values[number])
        bounds = body.ranges[before]
        maker = after.producer
        if maker in body.chosen and KERNELS[maker.kind].scales is Scales.FIXED:
            q = fixed_quantisation(maker.kind, body.dtype)
            limits = np.iinfo(body.dtype)
            ends = q.dequantise(np.array([limits.min, limits.max], body.dtype))
            if ends[0] <= bounds.low and bounds.high <= ends[1] + q.scale[0]:
                return q
        return body.covering(bounds)


def inner_values(op: Op) -> list[Tensor]:
    """What an operator passes to the inputs of its graphs."""
    first = 1 if op.kind == "IF" else 0
    return [op.operand(number) for number in range(first, len(op.inputs))]


def inner_plans(outer: Plan, op: Op) -> InnerPlans | None:
    """How the graphs of an operator run on integers.

    Args:
        outer: the plan of the graph that the operator stands in.
        op: WHILE or IF.

    Returns:
        The plans; None where everything inside stays float.
    """
    plans = _loop(outer, op) if op.kind == "WHILE" else _branches(outer, op)
    integers = any(plan.chosen or plan.inner for plan in plans.plans) if plans else False
    return plans if integers else None


def _loop(outer: Plan, op: Op) -> InnerPlans | None:
    if has_float_test(op):
        return None
    condition, body = op.graphs
    floats, numbers = float_states(op, outer.dtype)
    states = {body.inputs[number] for number in numbers}
    plan = type(outer)(body, outer.ranges, outer.kept, outer.dtype, floats, states)
    test = type(outer)(condition, {}, outer.kept, outer.dtype, condition.ordered())
    flags = [
        number not in numbers
        and before in outer.ranges
        and (plan.is_integer(before) or plan.is_integer(after))
        for number, (before, after) in enumerate(zip(body.inputs, body.outputs, strict=True))
    ]
    return InnerPlans(op, [test, plan], flags, flags)


def _branches(outer: Plan, op: Op) -> InnerPlans:
    plans = [type(outer)(graph, outer.ranges, outer.kept, outer.dtype) for graph in op.graphs]
    inputs = [
        range_of(value, outer.ranges) is not None
        and any(plan.is_integer(plan.graph.inputs[number]) for plan in plans)
        for number, value in enumerate(inner_values(op))
    ]
    outputs = [
        out in outer.ranges and _is_integer_result(plans, number)
        for number, out in enumerate(op.outputs)
    ]
    return InnerPlans(op, plans, inputs, outputs)


def _is_integer_result(plans: Sequence[Plan], number: int) -> bool:
    """Not where a branch gives values that nobody has seen, which others' steps might cut off."""
    results = [(plan, plan.graph.outputs[number]) for plan in plans]
    seen = all(range_of(tensor, plan.ranges) is not None for plan, tensor in results)
    return seen and any(plan.makes(tensor) for plan, tensor in results)


def _known(
    tensors: Sequence[Tensor], found: Sequence[Quantisation | None]
) -> dict[Tensor, Quantisation]:
    pairs = zip(tensors, found, strict=True)
    return {tensor: q for tensor, q in pairs if q is not None}
