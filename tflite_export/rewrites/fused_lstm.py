"""Loops that are LSTMs as UNIDIRECTIONAL_SEQUENCE_LSTM, which keeps its state between calls.

Source: the kernel's documented cell, Hochreiter & Schmidhuber 1997 with the forget gate of Gers et
al. 2000: `c = f * c + i * g`, `h = o * tanh(c)`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import UnsupportedOpError
from ..graph import Graph, Op, Tensor
from ..symbolic import all_static, same_shape
from .pattern import Anything, Bindings, Node, Number, is_number, match

_KIND = "UNIDIRECTIONAL_SEQUENCE_LSTM"
_HIDDEN = Node("MUL", Node("LOGISTIC", Anything("o")), Node("TANH", Anything("cell")))
_CELL = Node(
    "ADD",
    Node("MUL", Node("LOGISTIC", Anything("f")), Anything("c")),
    Node("MUL", Node("LOGISTIC", Anything("i")), Node("TANH", Anything("g"))),
)
_FREE = "an LSTM of a free size"
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
    loops = [(part, op) for part in graph.all_graphs() for op in part.ordered()]
    for part, op in loops:
        if op.kind != "WHILE":
            continue
        obstacle = _fuse(graph, op) if part is graph else "a loop inside of a loop or branch"
        if obstacle is not None:
            size = "Give the batch a number in the input specs, or export"
            raise UnsupportedOpError(
                op.where,
                "an LSTM with tanh and sigmoid, a known batch size, zeros as its first state and "
                "no mask, whose last cell state is not read, for rnn='fused'",
                obstacle,
                f"{size if obstacle == _FREE else 'Export'} with rnn='while' or rnn='unroll'.",
            )


def _fuse(graph: Graph, loop: Op) -> str | None:
    """Replace a loop; returns what it has that the operator cannot do, None if it is replaced."""
    body = loop.graphs[1]
    found = _cell(body)
    if found is None:
        return "a loop with another step, or with a mask"
    hidden, cell = _slot(body, body.outputs, found["h"]), _slot(body, body.inputs, found["c"])
    sums = _sums(graph, loop, found)
    counters = [n for n, out in enumerate(body.outputs) if out.dtype == np.int32]
    direction = _direction(loop, counters[0]) if len(counters) == 1 else 0
    stacks = [n for n in range(len(body.outputs)) if _is_stack(body, n, found["h"], counters)]
    known = {hidden, cell, *stacks, *counters}
    pairs = enumerate(zip(body.outputs, body.inputs, strict=True))
    fixed = all(after is before for n, (after, before) in pairs if n not in known)
    states = [loop.operand(n) for n in (hidden, cell)]
    if not all(all_static(t.shape) for t in states):
        return _FREE
    if not all(is_number(t, 0.0) for t in states):
        return "an LSTM with other first states"
    if sums is None or not fixed or direction == 0:
        return "an LSTM whose gates are made in another way"
    if graph.uses(loop.outputs[cell]):
        return "an LSTM whose last cell state is read"
    if not all_static(sums.x.shape):
        return _FREE
    sequence = _operator(graph, sums, found, direction)
    for slot in stacks:
        graph.replace(loop.outputs[slot], sequence)
    if graph.uses(loop.outputs[hidden]):
        time, batch, units = sequence.shape
        last = graph.ints([time - 1 if direction > 0 else 0, 0, 0])
        row = graph.add("SLICE", [sequence, last, graph.ints([1, batch, units])], (1, batch, units))
        graph.replace(loop.outputs[hidden], graph.add("RESHAPE", [row], (batch, units)))
    graph.prune(loop)
    return None


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


def _sums(graph: Graph, loop: Op, found: Bindings) -> _Sums | None:
    body = loop.graphs[1]
    split = found["i"].producer
    if split is None or split.kind != "SPLIT" or len(split.outputs) != len(_GATES):
        return None
    if {found[gate] for gate in _GATES} != set(split.outputs) or not is_number(split.inputs[0], 1):
        return None
    h = body.inputs[_slot(body, body.outputs, found["h"])]
    x: Tensor | None = None
    kernel: np.ndarray | None = None
    recurrent: np.ndarray | None = None
    units = split.operand(1).shape[-1]
    bias = np.zeros(units, np.float32)
    for term in _terms(split.operand(1)):
        linear = term.producer
        if term.data is not None:
            if term.data.size not in (1, units):
                return None
            bias = bias + term.data.reshape(-1)
        elif linear is not None and linear.kind == "FULLY_CONNECTED" and linear.inputs[0] is h:
            recurrent, own = _weights(linear)
            bias = bias + own
        elif x is None and (given := _projection(graph, loop, term)) is not None:
            linear, x = given
            kernel, own = _weights(linear)
            bias = bias + own
        else:
            return None
    if x is None or kernel is None or recurrent is None:
        return None
    return _Sums(x, kernel, recurrent, bias)


def _projection(graph: Graph, loop: Op, term: Tensor) -> tuple[Op, Tensor] | None:
    """The product of input and kernel, and the (time, batch, inputs) of the input.

    It is computed for all steps before the loop, or for a row within it.
    """
    op = term.producer
    inside = op is not None and op.kind == "FULLY_CONNECTED"
    row = op.operand(0) if op is not None and inside else term
    rows = _rows(loop, row)
    if rows is None or op is None:
        return None
    if inside:
        return op, rows
    before = rows.producer
    if before is not None and before.kind == "RESHAPE":
        before = before.operand(0).producer
    if before is None or before.kind != "FULLY_CONNECTED":
        return None
    x = before.operand(0)
    shape = (*rows.shape[:2], x.shape[-1])
    return before, x if same_shape(x.shape, shape) else graph.add("RESHAPE", [x], shape)


def _rows(loop: Op, row: Tensor) -> Tensor | None:
    """What a row is taken from in each round."""
    body, op = loop.graphs[1], row.producer
    if op is None or not _is_row(op) or op.inputs[0] not in body.inputs:
        return None
    return loop.operand(_slot(body, body.inputs, op.operand(0)))


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


def _is_row(op: Op) -> bool:
    return op.kind == "GATHER" and op.options["axis"] == 0 and op.operand(0).rank == 3


def _is_stack(body: Graph, slot: int, h: Tensor, counters: list[int]) -> bool:
    """Whether every round writes its state into the next row of this carry."""
    update = body.outputs[slot].producer
    if update is None or update.kind != "DYNAMIC_UPDATE_SLICE" or len(counters) != 1:
        return False
    row, begin = update.operand(1).producer, update.operand(2).producer
    if row is None or row.kind != "RESHAPE" or row.inputs[0] is not h:
        return False
    if begin is None or begin.kind != "PACK" or update.inputs[0] is not body.inputs[slot]:
        return False
    others = all(is_number(position, 0.0) for position in begin.inputs[1:])
    return others and begin.inputs[0] is body.inputs[counters[0]]


def _direction(loop: Op, counter: int) -> int:
    """1 for a loop from the first step to the last, -1 for the other way, 0 for anything else."""
    condition, body = loop.graphs
    start, index = loop.operand(counter).data, body.inputs[counter]
    lengths = {t.shape[0] for t in loop.inputs if t is not None and t.rank == 3}
    test = condition.outputs[0].producer
    if start is None or test is None or len(lengths) != 1:
        return 0
    last = lengths.pop() - 1
    for sign, kind, compare in ((1, "ADD", "LESS_EQUAL"), (-1, "SUB", "GREATER_EQUAL")):
        moved = match(Node(kind, Anything("n"), Number(1.0)), body.outputs[counter])
        ends = (0, last) if sign > 0 else (last, 0)
        if moved is None or moved["n"] is not index or test.kind != compare:
            continue
        same = test.inputs[0] is condition.inputs[counter] and is_number(test.inputs[1], ends[1])
        return sign if same and int(start) == ends[0] else 0
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
