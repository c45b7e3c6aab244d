"""Loops that are LSTMs as UNIDIRECTIONAL_SEQUENCE_LSTM, which keeps its state between calls.

Source: the kernel's documented cell, Hochreiter & Schmidhuber 1997 with the forget gate of Gers et
al. 2000: `c = f * c + i * g`, `h = o * tanh(c)`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import UnsupportedOpError
from ..graph import Graph, Op, Tensor
from ..symbolic import all_static
from .pattern import Anything, Bindings, Node, Number, is_number, match

_KIND = "UNIDIRECTIONAL_SEQUENCE_LSTM"
_HIDDEN = Node("MUL", Node("LOGISTIC", Anything("o")), Node("TANH", Anything("cell")))
_CELL = Node(
    "ADD",
    Node("MUL", Node("LOGISTIC", Anything("f")), Anything("c")),
    Node("MUL", Node("LOGISTIC", Anything("i")), Node("TANH", Anything("g"))),
)
_GATES = ("i", "f", "g", "o")


@dataclass
class _Sums:
    """What the gates are sums of: `x @ kernel + h @ recurrent + bias`, with rows for each gate."""

    x: Tensor  # (time, batch, inputs)
    kernel: np.ndarray
    recurrent: np.ndarray
    bias: np.ndarray


def fuse_lstms(graph: Graph) -> None:
    """Replace every loop of a graph.

    Args:
        graph: changed in place.

    Raises:
        UnsupportedOpError: a loop is not an LSTM that the operator computes.
    """
    for op in graph.ordered():
        if op.kind == "WHILE" and not _fuse(graph, op):
            raise UnsupportedOpError(
                op.where,
                "an LSTM with tanh and sigmoid, a known batch size, zeros as its first state and "
                "no mask, whose last cell state is not read, for rnn='fused'",
                "another loop",
                "Export with rnn='while' or rnn='unroll'.",
            )


def _fuse(graph: Graph, loop: Op) -> bool:
    body = loop.graphs[1]
    found = _cell(body)
    if found is None:
        return False
    hidden, cell = _slot(body, body.outputs, found["h"]), _slot(body, body.inputs, found["c"])
    sums = _sums(loop, found)
    stacks = {n: out for n, out in enumerate(body.outputs) if _is_stack(out, found["h"])}
    counters = [n for n, out in enumerate(body.outputs) if out.dtype == np.int32]
    known = {hidden, cell, *stacks, *counters}
    fixed = all(o is i for n, (o, i) in enumerate(_pairs(body)) if n not in known)
    direction = _direction(loop, counters)
    states = [loop.operand(n) for n in (hidden, cell)]
    if sums is None or not fixed or direction == 0 or not all(is_number(t, 0.0) for t in states):
        return False
    if graph.uses(loop.outputs[cell]) or not all_static(sums.x.shape):
        return False
    sequence = _operator(graph, sums, found, direction)
    for slot in stacks:
        graph.replace(loop.outputs[slot], sequence)
    time, batch, units = sequence.shape
    last = graph.ints([time - 1 if direction > 0 else 0, 0, 0])
    row = graph.add("SLICE", [sequence, last, graph.ints([1, batch, units])], (1, batch, units))
    graph.replace(loop.outputs[hidden], graph.add("RESHAPE", [row], (batch, units)))
    graph.prune(loop)
    return True


def _cell(body: Graph) -> Bindings | None:
    """The new state `h`, the old one `c`, and the sums that the gates i, f, g and o are made of."""
    for out in body.outputs:
        hidden = match(_HIDDEN, out)
        cell = None if hidden is None else match(_CELL, hidden["cell"])
        if hidden is None or cell is None or cell["c"] not in body.inputs:
            continue
        if body.outputs[body.inputs.index(cell["c"])] is hidden["cell"]:
            return {**hidden, **cell, "h": out}
    return None


def _sums(loop: Op, found: Bindings) -> _Sums | None:
    body = loop.graphs[1]
    split = found["i"].producer
    if split is None or split.kind != "SPLIT" or len(split.outputs) != len(_GATES):
        return None
    if {found[gate] for gate in _GATES} != set(split.outputs) or not is_number(split.inputs[0], 1):
        return None
    h = body.inputs[_slot(body, body.outputs, found["h"])]
    x, parts = None, {"kernel": None, "recurrent": None}
    units = split.operand(1).shape[-1]
    bias = np.zeros(units, np.float32)
    for term in _terms(split.operand(1)):
        linear = term.producer
        if term.data is not None:
            bias = bias + term.data.reshape(-1)
        elif linear is not None and linear.kind == "FULLY_CONNECTED" and linear.inputs[0] is h:
            parts["recurrent"], own = _weights(linear)
            bias = bias + own
        elif linear is not None and linear.kind == "GATHER" and x is None:
            outer = loop.operand(_slot(body, body.inputs, linear.operand(0))).producer
            if outer is None or outer.kind != "FULLY_CONNECTED":
                return None
            x = outer.operand(0)
            parts["kernel"], own = _weights(outer)
            bias = bias + own
        else:
            return None
    kernel, recurrent = parts["kernel"], parts["recurrent"]
    if x is None or x.rank != 3 or kernel is None or recurrent is None:
        return None
    return _Sums(x, kernel, recurrent, bias)


def _weights(linear: Op) -> tuple[np.ndarray | None, np.ndarray | float]:
    """Weights and bias of a product without activation, if they are constants."""
    kernel, bias = linear.operand(1).data, linear.inputs[2]
    if linear.options["fused_activation_function"] != "NONE":
        return None, 0.0
    if bias is None:
        return kernel, 0.0
    return (None, 0.0) if bias.data is None else (kernel, bias.data)


def _terms(total: Tensor) -> list[Tensor]:
    op = total.producer
    if op is None or op.kind != "ADD" or op.options.get("fused_activation_function"):
        return [total]
    return [term for operand in (0, 1) for term in _terms(op.operand(operand))]


def _is_stack(out: Tensor, h: Tensor) -> bool:
    """Whether every round writes its state into this carry."""
    update = out.producer
    if update is None or update.kind != "DYNAMIC_UPDATE_SLICE":
        return False
    row = update.operand(1).producer
    return row is not None and row.kind == "RESHAPE" and row.inputs[0] is h


def _direction(loop: Op, counters: list[int]) -> int:
    """1 for a loop from the first step to the last, -1 for the other way, 0 for anything else."""
    condition, body = loop.graphs
    if len(counters) != 1:
        return 0
    (counter,) = counters
    step, start = Anything("n"), loop.operand(counter).data
    steps = [t.shape[0] for t in loop.inputs if t is not None and t.rank == 3]
    test = condition.outputs[0].producer
    if start is None or test is None or test.inputs[0] is not condition.inputs[counter]:
        return 0
    for sign, kind, compare in ((1, "ADD", "LESS_EQUAL"), (-1, "SUB", "GREATER_EQUAL")):
        first, last = (0, steps[0] - 1) if sign > 0 else (steps[0] - 1, 0)
        moved = match(Node(kind, step, Number(1.0)), body.outputs[counter])
        if moved is None or moved["n"] is not body.inputs[counter] or test.kind != compare:
            continue
        return sign if int(start) == first and is_number(test.inputs[1], last) else 0
    return 0


def _operator(graph: Graph, sums: _Sums, found: Bindings, direction: int) -> Tensor:
    """The states of all steps, (time, batch, units)."""
    split = found["i"].producer
    assert split is not None
    places = [split.outputs.index(found[gate]) for gate in _GATES]

    def by_gate(rows: np.ndarray) -> list[Tensor | None]:
        parts = np.split(rows, len(_GATES))
        return [graph.constant(np.ascontiguousarray(parts[place])) for place in places]

    time, batch, _ = sums.x.shape
    units = sums.recurrent.shape[1]
    states: list[Tensor | None] = [
        Tensor((batch, units), sums.x.dtype, variable=True) for _ in range(2)
    ]
    x = _turned(graph, sums.x, direction)
    nothing: list[Tensor | None] = [None]
    inputs = [x, *by_gate(sums.kernel), *by_gate(sums.recurrent), *nothing * 3]
    inputs += [*by_gate(sums.bias.astype(np.float32)), *nothing * 2, *states, *nothing * 4]
    shape = (time, batch, units)
    options = {"fused_activation_function": "TANH", "time_major": True}
    return _turned(graph, graph.add(_KIND, inputs, shape, np.float32, **options), direction)


def _turned(graph: Graph, x: Tensor, direction: int) -> Tensor:
    return x if direction > 0 else graph.add("REVERSE_V2", [x, graph.ints([0])], x.shape)


def _slot(body: Graph, tensors: list[Tensor], tensor: Tensor) -> int:
    return tensors.index(tensor)


def _pairs(body: Graph) -> list[tuple[Tensor, Tensor]]:
    return list(zip(body.outputs, body.inputs, strict=True))
