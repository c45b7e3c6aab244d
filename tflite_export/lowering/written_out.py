"""Loops of a known number of rounds, one round after the other without a WHILE."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..graph import Tensor
from .liveness import live_results, live_variables
from .lowerer import BODY, Lowerer, opened

MOST_ROUNDS = 10_000  # more of them would take minutes and make a file that nobody can load


def check_rounds(lowerer: Lowerer, eqn: Any, rounds: int) -> None:
    """Refuse to write out a loop without end.

    Args:
        lowerer: the lowerer.
        eqn: the loop.
        rounds: how often it runs.

    Raises:
        UnsupportedOpError: it runs too often.
    """
    if rounds > MOST_ROUNDS:
        raise lowerer.refuse(
            eqn, f"at most {MOST_ROUNDS} steps, to write the loop out", "Export with rnn='while'."
        )


def while_written_out(
    lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]
) -> list[Tensor | None] | None:
    """The results of a while equation whose condition depends on constants alone.

    Args:
        lowerer: the lowerer.
        eqn: the equation.
        inputs: what it reads.

    Returns:
        A tensor for each result; None if only the inputs of the model tell the number of rounds.

    Raises:
        UnsupportedOpError: there are too many rounds.
    """
    loop = _While(eqn, inputs)
    counters = loop.counters()
    if counters is None:
        return None
    rounds = loop.rounds(lowerer, counters)
    if rounds is None:
        return None
    carries: list[Tensor | None] = list(loop.initial)
    wanted = live_results(loop.step, loop.own, lowerer.needed)
    with lowerer.part(BODY):
        for _ in range(rounds):
            carries = lowerer.run(loop.step, loop.step_consts, [*loop.given, *carries], wanted)
    return carries


class _While:
    """The parts of a while equation."""

    def __init__(self, eqn: Any, inputs: Sequence[Tensor]) -> None:
        first, second = eqn.params["cond_nconsts"], eqn.params["body_nconsts"]
        self.eqn = eqn
        self.test, self.test_consts = opened(eqn.params["cond_jaxpr"])
        self.step, self.step_consts = opened(eqn.params["body_jaxpr"])
        self.tested, self.given = inputs[:first], inputs[first : first + second]
        self.initial = inputs[first + second :]
        self.own = self.step.invars[second:]  # the carries in the body

    def counters(self) -> list[bool] | None:
        """The carries that the condition depends on; None if not only on constants."""
        if self.test.outvars[0].aval.shape:
            return None  # rows under vmap, which end by themselves
        read = live_variables(self.test, [True])
        fixed, carries = self.test.invars[: len(self.tested)], self.test.invars[len(self.tested) :]
        used = [t for t, var in zip(self.tested, fixed, strict=True) if var in read]
        flags = [var in read for var in carries]
        flags = live_results(self.step, self.own, flags)
        live = live_variables(self.step, flags)
        fixed = self.step.invars[: len(self.given)]
        used += [t for t, var in zip(self.given, fixed, strict=True) if var in live]
        used += [t for t, flag in zip(self.initial, flags, strict=True) if flag]
        return flags if all(t.data is not None for t in used) else None

    def rounds(self, lowerer: Lowerer, counters: list[bool]) -> int | None:
        """How often the loop runs, counted in a graph that is thrown away; None if unknown."""
        scratch = lowerer.inside()
        carries: list[Tensor | None] = [
            t if flag else None for t, flag in zip(self.initial, counters, strict=True)
        ]
        for count in range(MOST_ROUNDS + 1):
            (go_on,) = scratch.run(self.test, self.test_consts, [*self.tested, *carries])
            if go_on is None or go_on.data is None:
                return None
            if not go_on.data:
                return count
            inputs = [*self.given, *carries]
            carries = scratch.run(self.step, self.step_consts, inputs, counters)
        check_rounds(lowerer, self.eqn, MOST_ROUNDS + 1)
        return None
