"""scan: a WHILE that counts, or its rounds written out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..graph import Tensor
from ..symbolic import Dim, Shape, is_static, plain, same_dim, same_shape
from .elementwise import binary, scalar
from .liveness import live_results
from .loops import Carries, Loop
from .lowerer import Lowerer, opened
from .registry import lowers
from .slicing import pack
from .written_out import MOST_ROUNDS, check_rounds

_BOOL = np.dtype(np.bool_)
_INT = np.dtype(np.int32)
_UPDATABLE = (np.dtype(np.float32), _INT, np.dtype(np.int8), np.dtype(np.int16), _BOOL)


@lowers("scan")
def lower_scan(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> list[Tensor | None]:
    """Rounds written out if there is one, if nothing varies, or if asked for; else a WHILE."""
    scan = _Scan(lowerer, eqn, inputs)
    if is_static(scan.length):
        constant = all(tensor.data is not None for tensor in inputs)
        folds = scan.length <= 1 or (constant and scan.length <= MOST_ROUNDS)
        if folds or lowerer.rnn == "unroll":
            return scan.written_out()
    elif lowerer.rnn == "unroll":
        raise lowerer.refuse(
            eqn,
            "a number of steps that is known, to write the loop out",
            "Give the time axis a size in the input specs, or export with rnn='while'.",
        )
    return scan.looped()


class _Scan:
    """The parts of a scan equation."""

    def __init__(self, lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> None:
        consts, carries = scan_counts(eqn.params)
        self.lowerer, self.eqn = lowerer, eqn
        self.step, self.step_consts = opened(eqn.params["jaxpr"])
        self.length: Dim = eqn.params["length"]
        self.reverse = bool(eqn.params["reverse"])
        self.consts = inputs[:consts]
        self.initial = inputs[consts : consts + carries]
        first = consts + carries
        shapes = [plain(var.aval.shape) for var in eqn.invars[first:]]
        self.slices = [
            lowerer.rank_padded(x, len(shape))
            for x, shape in zip(inputs[first:], shapes, strict=True)
        ]
        self.first_carry, self.first_slice = consts, first
        self.needed = list(lowerer.needed)

    # As a WHILE.

    def looped(self) -> list[Tensor | None]:
        lowerer, step = self.lowerer, self.step
        loop = Loop(lowerer)
        body = loop.sides[1]
        last = self._last()
        counter = loop.pass_in(last if self.reverse else lowerer.graph.constant(np.int32(0)))
        carries = Carries(loop, step, self.first_carry, self.initial, self.needed)
        index = body.graph.inputs[counter]
        fixed = dict(zip(step.invars, self.consts, strict=False))
        fixed |= carries.fixed(step.invars[self.first_carry : self.first_slice])
        changing = carries.changing(body, step.invars[self.first_carry : self.first_slice])
        rows = _Rows(loop, index)
        for var, x in zip(step.invars[self.first_slice :], self.slices, strict=True):
            if same_dim(x.shape[0], self.length):
                changing[var] = lambda x=x: rows.of(x)
            else:
                fixed[var] = lowerer.reshape(x, x.shape[1:])
        results = loop.lower(
            body, step, self.step_consts, carries.wanted, fixed, changing, hoist=True
        )
        updates = carries.updates(results)
        stacks = self._stacks(loop, results, updates, index)
        one = body.graph.constant(np.int32(1))
        updates[counter] = binary(body, "SUB" if self.reverse else "ADD", index, one)
        outputs = loop.finish(self._go_on(loop, counter, last), updates)
        rows = self.eqn.outvars[len(self.initial) :]
        stacked = [
            None if slot is None else self._cast(outputs[slot], np.dtype(var.aval.dtype))
            for slot, var in zip(stacks, rows, strict=True)
        ]
        return [*carries.results(outputs), *stacked]

    def _cast(self, stack: Tensor, dtype: np.dtype) -> Tensor:
        if stack.dtype == dtype:
            return stack
        return self.lowerer.graph.add("CAST", [stack], stack.shape, dtype)

    def _last(self) -> Tensor:
        """Number of the last step."""
        graph = self.lowerer.graph
        if is_static(self.length):
            return graph.constant(np.int32(self.length - 1))
        return graph.add("dim_value", [], (), np.int32, dim=self.length - 1)

    def _go_on(self, loop: Loop, counter: int, last: Tensor) -> Tensor:
        condition = loop.sides[0]
        index = condition.graph.inputs[counter]
        if self.reverse:
            return binary(condition, "GREATER_EQUAL", index, scalar(condition, 0, index), _BOOL)
        return binary(condition, "LESS_EQUAL", index, loop.seen_from(condition, last), _BOOL)

    def _stacks(
        self,
        loop: Loop,
        results: Sequence[Tensor | None],
        updates: dict[int, Tensor],
        index: Tensor,
    ) -> list[int | None]:
        """Adds a carry for each stacked result, into which every round writes its row."""
        slots: list[int | None] = []
        body = loop.sides[1]
        shapes = [plain(var.aval.shape) for var in self.eqn.outvars]
        for number in range(len(self.initial), len(results)):
            row, shape = results[number], shapes[number]
            if row is None:
                slots.append(None)
                continue
            if row.dtype not in _UPDATABLE:  # narrow integers, which are cast back after the loop
                row = body.graph.add("CAST", [row], row.shape, _INT)
            slot = loop.pass_in(self._room(shape, row.dtype))
            row = body.reshape(body.full(row, shape[1:]), (1, *shape[1:]))
            zero = body.graph.constant(np.int32(0))
            begin = pack(body, [index, *[zero] * (len(shape) - 1)])
            whole = [body.graph.inputs[slot], row, begin]
            updates[slot] = body.graph.add("DYNAMIC_UPDATE_SLICE", whole, shape)
            slots.append(slot)
        return slots

    def _room(self, shape: Shape, dtype: np.dtype) -> Tensor:
        """Any tensor of that shape: its rows are all overwritten. An input of the loop serves."""
        for x in self.slices:
            if x.data is None and x.dtype == dtype and same_shape(x.shape, shape):
                return x
        return self.lowerer.graph.add("zeros", [], shape, dtype)

    # Written out.

    def written_out(self) -> list[Tensor | None]:
        count, own = len(self.initial), self.step.invars[self.first_carry : self.first_slice]
        wanted = live_results(self.step, own, self.needed)
        rows = [self._rows(x) for x in self.slices]
        carries: list[Tensor | None] = list(self.initial)
        stacks: list[list[Tensor]] = [[] for _ in wanted[count:]]
        order = range(int(self.length))
        check_rounds(self.lowerer, self.eqn, len(order))
        for number in reversed(order) if self.reverse else order:
            now = [row[number % len(row)] for row in rows]
            args = [*self.consts, *carries, *now]
            results = self.lowerer.run(self.step, self.step_consts, args, wanted)
            carries = list(results[:count])
            for stack, row in zip(stacks, results[count:], strict=True):
                if row is not None:
                    stack.append(row)
        avals = [var.aval for var in self.eqn.outvars[count:]]
        pairs = zip(stacks, avals, self.needed[count:], strict=True)
        stacked = [self._stacked(rows, aval) if need else None for rows, aval, need in pairs]
        return [*carries, *stacked]

    def _rows(self, x: Tensor) -> list[Tensor]:
        """One tensor for each step; a single one where all are the same."""
        lowerer, count = self.lowerer, x.shape[0]
        if x.data is not None:
            return [lowerer.graph.constant(row) for row in x.data]
        if count == 1:
            return [lowerer.reshape(x, x.shape[1:])]
        if x.dtype == _BOOL:  # which UNPACK has no kernel for
            return [_row(lowerer, x, lowerer.graph.constant(np.int32(n))) for n in range(count)]
        outputs = [Tensor(x.shape[1:], x.dtype) for _ in range(count)]
        return lowerer.graph.add_many("UNPACK", [x], outputs, num=count, axis=0)

    def _stacked(self, rows: list[Tensor], aval: Any) -> Tensor:
        lowerer, shape = self.lowerer, plain(aval.shape)
        if not rows:
            return lowerer.graph.add("zeros", [], shape, np.dtype(aval.dtype))
        ordered = rows[::-1] if self.reverse else rows
        whole = [lowerer.full(row, shape[1:]) for row in ordered]
        if all(row.data is not None for row in whole):
            return lowerer.graph.constant(
                np.stack([row.data for row in whole if row.data is not None])
            )
        if whole[0].dtype == _BOOL:  # which PACK has no kernel for
            parts = [lowerer.reshape(row, (1, *shape[1:])) for row in whole]
            return lowerer.graph.add("CONCATENATION", parts, shape, axis=0)
        return lowerer.graph.add("PACK", whole, shape, values_count=len(whole), axis=0)


class _Rows:
    """This round's row of tensors; the parts of a split are split again from one row."""

    def __init__(self, loop: Loop, index: Tensor) -> None:
        self._loop, self._index = loop, index
        self._known: dict[Tensor, Tensor] = {}

    def of(self, x: Tensor) -> Tensor:
        body = self._loop.sides[1]
        split = x.producer
        if split is None or split.kind != "SPLIT" or _number(split.operand(0)) == 0:
            return _row(body, self._loop.seen_from(body, x), self._index)
        if x not in self._known:
            whole = _row(body, self._loop.seen_from(body, split.operand(1)), self._index)
            axis = body.graph.constant(np.int32(_number(split.operand(0)) - 1))
            parts = [Tensor(part.shape[1:], part.dtype) for part in split.outputs]
            body.graph.add_many("SPLIT", [axis, whole], parts, **split.options)
            self._known.update(zip(split.outputs, parts, strict=True))
        return self._known[x]


def _number(constant: Tensor) -> int:
    assert constant.data is not None
    return int(constant.data)


def _row(lowerer: Lowerer, x: Tensor, index: Tensor) -> Tensor:
    return lowerer.graph.add("GATHER", [x, index], x.shape[1:], x.dtype, axis=0, batch_dims=0)


def scan_counts(parameters: Any) -> tuple[int, int]:
    """How many constants and how many carries a scan has."""
    if "num_consts" in parameters:
        return parameters["num_consts"], parameters["num_carry"]
    consts, carries, _ = parameters["ft_in"].unpack()  # jax 0.12 groups the inputs in a tree
    return len(list(consts)), len(list(carries))
