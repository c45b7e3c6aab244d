"""while_loop, and the WHILE operator that scan builds too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..graph import Tensor
from ..symbolic import plain
from .inner_graphs import InnerGraphs
from .liveness import live_results, live_variables
from .logic import select
from .lowerer import BODY, CONDITION, Lowerer, opened
from .registry import lowers
from .written_out import while_written_out


@lowers("while")
def lower_while(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> list[Tensor | None]:
    """WHILE over the carries that change; the others are values that both graphs may read."""
    rounds = while_written_out(lowerer, eqn, inputs) if lowerer.rnn == "unroll" else None
    if rounds is not None:
        return rounds
    first, second = eqn.params["cond_nconsts"], eqn.params["body_nconsts"]
    test, test_consts = opened(eqn.params["cond_jaxpr"])
    step, step_consts = opened(eqn.params["body_jaxpr"])
    initial = inputs[first + second :]
    read = live_variables(test, [True])
    pairs = zip(lowerer.needed, test.invars[first:], strict=True)
    wanted = [need or var in read for need, var in pairs]
    loop = Loop(lowerer)
    carries = Carries(loop, step, second, initial, wanted)
    condition, body = loop.sides
    fixed = dict(zip(step.invars, inputs[first : first + second], strict=False))
    fixed |= carries.fixed(step.invars[second:])
    changing = carries.changing(body, step.invars[second:])
    with lowerer.part(BODY), body.part(BODY):
        results = loop.lower(body, step, step_consts, carries.wanted, fixed, changing, hoist=True)
    updates = carries.updates(results)
    tests = dict(zip(test.invars, inputs[:first], strict=False))
    tests |= carries.fixed(test.invars[first:])

    def tested_in(side: Lowerer) -> Tensor:
        changing = carries.changing(side, test.invars[first:])
        with lowerer.part(CONDITION), side.part(CONDITION):
            (value,) = loop.lower(side, test, test_consts, [True], tests, changing, hoist=True)
        assert value is not None
        return value

    go_on = tested_in(condition)
    shape = plain(test.outvars[0].aval.shape)
    if shape:
        rows = body.full(tested_in(body), shape)
        updates = {slot: _in_rows(body, rows, new, slot) for slot, new in updates.items()}
        go_on = _any(condition, condition.rank_padded(go_on, len(shape)))
    return carries.results(loop.finish(go_on, updates))


def _in_rows(body: Lowerer, rows: Tensor, new: Tensor, slot: int) -> Tensor:
    """The new value in rows that go on, the old one in the others: a loop under vmap."""
    mask = body.reshape(rows, (*rows.shape, *[1] * (new.rank - rows.rank)))
    return select(body, mask, new, body.graph.inputs[slot])


def _any(side: Lowerer, flags: Tensor) -> Tensor:
    axes = side.graph.ints(range(flags.rank))
    return side.graph.add("REDUCE_ANY", [flags, axes], (), keep_dims=False)


class Loop(InnerGraphs):
    """A WHILE while its graphs are lowered; `sides` are the condition and the body."""

    def finish(self, go_on: Tensor, updates: Mapping[int, Tensor]) -> list[Tensor]:
        """Add the WHILE.

        Args:
            go_on: bool scalar of the condition's graph.
            updates: new values of inputs of the body's graph, by number; the others stay.

        Returns:
            The values after the loop, by number.
        """
        condition, body = (side.graph for side in self.sides)
        condition.outputs, body.outputs = [go_on], list(updates.values())
        self.close()  # which may pass in more values
        body.outputs = [updates.get(number, value) for number, value in enumerate(body.inputs)]
        outputs = [Tensor(value.shape, value.dtype) for value in self.values]
        graph = self.outer.graph
        return graph.add_many("WHILE", self.values, outputs, graphs=(condition, body))


class Carries:
    """What a loop's body hands on to its next round.

    A carry that the body returns as it is is a fixed value; one that nothing reads is dropped.

    Args:
        loop: the loop.
        step: jaxpr of the body; its results begin with the carries.
        first: number of the body's first carry among its inputs.
        initial: values before the first round.
        wanted: which of the body's results are read outside of the body.
    """

    def __init__(
        self,
        loop: Loop,
        step: Any,
        first: int,
        initial: Sequence[Tensor],
        wanted: Sequence[bool],
    ) -> None:
        self.initial = initial
        own = step.invars[first : first + len(initial)]
        self._stays = [out is var for out, var in zip(step.outvars, own, strict=False)]
        self.wanted = live_results(step, own, wanted)
        self._slots: dict[int, int] = {}
        for number, (value, var) in enumerate(zip(initial, own, strict=True)):
            if self.wanted[number] and not self._stays[number]:
                self._slots[number] = loop.pass_in(loop.outer.full(value, plain(var.aval.shape)))
            elif self._stays[number]:
                self.wanted[number] = False
        self._loop, self._shapes = loop, [plain(var.aval.shape) for var in own]

    def fixed(self, variables: Sequence[Any]) -> dict[Any, Tensor]:
        """Outer tensors of carries that stay the same, given the variables of all carries."""
        pairs = enumerate(zip(variables, self.initial, strict=False))
        return {var: value for number, (var, value) in pairs if self._stays[number]}

    def changing(self, side: Lowerer, variables: Sequence[Any]) -> dict[Any, Any]:
        """What makes the inner tensors of the others."""
        return {
            variables[number]: lambda slot=slot: side.graph.inputs[slot]
            for number, slot in self._slots.items()
        }

    def updates(self, results: Sequence[Tensor | None]) -> dict[int, Tensor]:
        """New values by the number of the graph's input, from the results of the body."""
        body = self._loop.sides[1]
        updates = {}
        for number, slot in self._slots.items():
            result = results[number]
            assert result is not None
            updates[slot] = body.full(result, self._shapes[number])
        return updates

    def results(self, outputs: Sequence[Tensor]) -> list[Tensor | None]:
        """Values after the loop, from the outputs of the WHILE; None where nothing reads them."""
        return [
            value if stays else outputs[self._slots[number]] if number in self._slots else None
            for number, (value, stays) in enumerate(zip(self.initial, self._stays, strict=True))
        ]
