"""What a loop's body must compute in float, because rounding would add up from round to round.

A state that is squashed anew in each round, such as `tanh(h @ u)`, forgets its rounding. One
that is added to, such as a sum or an LSTM's cell, keeps it: in 256 steps an addend smaller than
half a step would be lost in each round. In 65536 steps that takes many rounds.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ..graph import Graph, Op, Tensor
from ..rewrites.pattern import is_number
from .kernels import KERNELS, LINEAR, Scales, is_float

_SQUASHING = frozenset(("SOFTMAX", "LOGISTIC", "TANH", "LOG_SOFTMAX"))
_INT16_ROUNDS = 1000  # rounding half a step in each is 1.5 % of the range together
_MIXING = frozenset((*LINEAR, "BATCH_MATMUL"))


def float_states(loop: Op, dtype: np.dtype) -> tuple[set[Op], set[int]]:
    """The operators through which a carry of a loop depends on itself by arithmetic.

    Args:
        loop: the WHILE.
        dtype: int8 or int16, what values are stored as otherwise.

    Returns:
        The operators, and the numbers of the carries.
    """
    body = loop.graphs[1]
    ops: set[Op] = set()
    numbers: set[int] = set()
    rounds = _rounds(loop)
    if dtype == np.int16 and rounds is not None and rounds <= _INT16_ROUNDS:
        return ops, numbers
    for number, tensor in enumerate(body.inputs):
        if number in numbers or not is_float(tensor) or body.outputs[number] is tensor:
            continue
        # Where a state is added to, products beside that sum may well be integers.
        for end in (_SQUASHING | _MIXING, _SQUASHING):
            slots, circle = _circle(body, number, end)
            if any(_computes(op) for op in circle):
                ops |= circle
                numbers |= slots
                break
    return ops, numbers


def _rounds(loop: Op) -> int | None:
    """How often a loop runs that counts from one number to another."""
    condition, body = loop.graphs
    test = condition.outputs[0].producer
    if test is None or test.kind not in ("LESS_EQUAL", "GREATER_EQUAL"):
        return None
    last = test.operand(1).data
    if test.operand(0) not in condition.inputs or last is None:
        return None
    slot = condition.inputs.index(test.operand(0))
    first, counted = loop.operand(slot).data, body.outputs[slot].producer
    kind = "ADD" if test.kind == "LESS_EQUAL" else "SUB"
    if first is None or first.dtype != np.int32 or counted is None or counted.kind != kind:
        return None
    if counted.operand(0) is not body.inputs[slot] or not is_number(counted.operand(1), 1.0):
        return None
    return abs(int(last) - int(first)) + 1


def has_float_test(loop: Op) -> bool:
    """Whether the number of rounds depends on float values, which must be as exact as they are."""
    condition, body = loop.graphs
    read = _needed(condition, condition.outputs)
    numbers = {n for n, tensor in enumerate(condition.inputs) if tensor in read}
    while True:
        read |= _needed(body, [body.outputs[n] for n in numbers])
        grown = numbers | {n for n, tensor in enumerate(body.inputs) if tensor in read}
        if grown == numbers:
            return any(is_float(tensor) for tensor in read)
        numbers = grown


def _needed(graph: Graph, tensors: Iterable[Tensor]) -> set[Tensor]:
    found: set[Tensor] = set()
    pending = list(tensors)
    while pending:
        tensor = pending.pop()
        if tensor in found:
            continue
        found.add(tensor)
        if tensor.producer is not None and tensor.producer.kind != "SHAPE":
            pending += [t for t in tensor.producer.inputs if t is not None]
    return found


def _circle(body: Graph, number: int, end: frozenset[str]) -> tuple[set[int], set[Op]]:
    """The carries and operators that depend on carry `number`, and it on them.

    Not those that do so through an operator of a kind of `end`.
    """
    after, readers = _forward(body, number, end)
    before, makers = _backward(body, number, end)
    return after & before, readers & makers


def _forward(body: Graph, number: int, end: frozenset[str]) -> tuple[set[int], set[Op]]:
    slots, ops = {number}, set()
    pending = [body.inputs[number]]
    while pending:
        tensor = pending.pop()
        for slot, out in enumerate(body.outputs):
            if out is tensor and slot not in slots:
                slots.add(slot)
                pending.append(body.inputs[slot])
        for op in tensor.consumers:
            if op not in ops and op.kind not in end:
                ops.add(op)
                pending += [out for out in op.outputs if is_float(out)]
    return slots, ops


def _backward(body: Graph, number: int, end: frozenset[str]) -> tuple[set[int], set[Op]]:
    slots, ops = {number}, set()
    pending = [body.outputs[number]]
    places = {tensor: slot for slot, tensor in enumerate(body.inputs)}
    while pending:
        tensor = pending.pop()
        slot, op = places.get(tensor), tensor.producer
        if slot is not None and slot not in slots:
            slots.add(slot)
            pending.append(body.outputs[slot])
        if op is not None and op not in ops and op.kind not in end:
            ops.add(op)
            pending += [t for t in op.inputs if t is not None and is_float(t)]
    return slots, ops


def _computes(op: Op) -> bool:
    """Whether there is rounding: not where elements are only moved or chosen."""
    kernel = KERNELS.get(op.kind)
    return kernel is None or kernel.scales is Scales.OWN
