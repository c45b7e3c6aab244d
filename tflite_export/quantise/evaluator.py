"""Evaluates the equations that lowering saw, and notes what their values are.

Each value has the key that lowering gave to the tensor for it. Free sizes in the equations'
parameters become the sizes of the sample.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Jaxpr, Literal

from ..dim_expression import evaluate
from ..graph import Origin
from ..lowering.lowerer import BODY, CALLS, CONDITION
from ..lowering.scan import scan_counts
from ..symbolic import is_static

_Notes = dict[Origin, Any]


@dataclass(frozen=True)
class Summary:
    """What to note of a value, in a form that notes of several rounds of a loop join to.

    Args:
        of: the note of a value, an array of one shape for all values.
        join: one note of many that are stacked on axis 0.
        neutral: the note of no value at all, for loops and branches that do not run.
    """

    of: Callable[[Origin, Any], Any]
    join: Callable[[Any], Any]
    neutral: Any


class Evaluator:
    """Evaluates a jaxpr with free sizes for given sizes of them.

    Args:
        sizes: number for each symbol.
        watched: keys of the values to note; for those inside of loops the notes of all rounds are
            joined.
        summary: what to note of a value inside of loops.
        whole: what to note of a value outside of them.
        path: numbers that lead to the jaxpr, of equations and of the parts of some.
    """

    def __init__(
        self,
        sizes: Mapping[str, int],
        watched: frozenset[Origin],
        summary: Summary,
        whole: Callable[[Origin, Any], Any],
        path: tuple[int, ...] = (),
    ) -> None:
        self.sizes = sizes
        self.watched = watched
        self.summary = summary
        self.whole = whole
        self.path = path
        self.notes: _Notes = {}
        self.rounds: _Notes = {}  # joined notes of what ran inside of loops and branches

    def note(self, origin: Origin, value: Any) -> None:
        """Keep what is wanted of a value, if it is a watched float."""
        if origin in self.watched and jnp.issubdtype(value.dtype, jnp.floating):
            self.notes[origin] = self.whole(origin, value)

    def run(self, jaxpr: Any, consts: Sequence[Any], args: Sequence[Any]) -> list[Any]:
        """The results of an open jaxpr."""
        env: dict[Any, Any] = dict(zip(jaxpr.constvars, consts, strict=True))
        env.update(zip(jaxpr.invars, args, strict=True))

        def read(var: Any) -> Any:
            if not isinstance(var, Literal):
                return env[var]
            aval: Any = var.aval
            return np.asarray(var.val, aval.dtype)

        outside = self.path
        for number, eqn in enumerate(jaxpr.eqns):
            self.path = (*outside, number)
            results = self._equation(eqn, [read(var) for var in eqn.invars])
            for index, (var, value) in enumerate(zip(eqn.outvars, results, strict=True)):
                env[var] = value
                self.note(Origin(self.path, index), value)
        self.path = outside
        return [read(var) for var in jaxpr.outvars]

    def _equation(self, eqn: Any, values: list[Any]) -> Sequence[Any]:
        name = eqn.primitive.name
        if name in CALLS:
            inner = eqn.params[CALLS[name]]
            jaxpr, consts = (inner, ()) if isinstance(inner, Jaxpr) else (inner.jaxpr, inner.consts)
            return self.run(jaxpr, consts, values)
        if name == "dim_as_value":
            return [jnp.asarray(self.number(eqn.params["dim"]), eqn.outvars[0].aval.dtype)]
        if name in _LOOPS:
            return _LOOPS[name](self, eqn.params, values)
        params = {key: self._concrete(value) for key, value in eqn.params.items()}
        result = eqn.primitive.bind(*values, **params)
        return result if eqn.primitive.multiple_results else [result]

    def inside(self, *part: int) -> Evaluator:
        """An evaluator with notes of its own, for a part of the current equation."""
        return Evaluator(
            self.sizes, self.watched, self.summary, self.summary.of, (*self.path, *part)
        )

    def all_notes(self) -> _Notes:
        """Notes of all values, for a part of an equation."""
        return {**self.notes, **self.rounds}

    def no_notes(self, *part: int) -> _Notes:
        """The notes of a part of the current equation before it ran."""
        path = (*self.path, *part)
        inner = (origin for origin in self.watched if origin.path[: len(path)] == path)
        return {origin: self.summary.neutral for origin in inner if origin.path != path}

    def _concrete(self, value: Any) -> Any:
        """A parameter with numbers for its free sizes."""
        if isinstance(value, tuple) and not hasattr(value, "_fields"):
            return tuple(self._concrete(part) for part in value)
        return self.number(value) if jax.export.is_symbolic_dim(value) else value

    def number(self, dim: Any) -> int:
        """The size that a dimension is."""
        return int(dim) if is_static(dim) else evaluate(dim, self.sizes)


def _scan(evaluator: Evaluator, params: Mapping[str, Any], values: list[Any]) -> list[Any]:
    body = params["jaxpr"]
    consts, carried = scan_counts(params)
    fixed, rest = values[:consts], values[consts:]

    def step(carry: list[Any], xs: list[Any]) -> tuple[list[Any], Any]:
        inner = evaluator.inside()
        out = inner.run(body.jaxpr, body.consts, [*fixed, *carry, *xs])
        return out[:carried], (out[carried:], inner.all_notes())

    length = evaluator.number(params["length"])
    carry, (ys, stacked) = jax.lax.scan(
        step, rest[:carried], rest[carried:], length, params["reverse"]
    )
    join = evaluator.summary.join
    evaluator.rounds.update({origin: join(notes) for origin, notes in stacked.items()})
    return [*carry, *ys]


def _while(evaluator: Evaluator, params: Mapping[str, Any], values: list[Any]) -> list[Any]:
    test, body = params["cond_jaxpr"], params["body_jaxpr"]
    split, start = params["cond_nconsts"], params["cond_nconsts"] + params["body_nconsts"]
    join = evaluator.summary.join

    def rows_that_go_on(carry: Sequence[Any]) -> Any:
        """One flag, or one for each row of a loop under vmap."""
        inputs = [*values[:split], *carry]
        return evaluator.inside(CONDITION).run(test.jaxpr, test.consts, inputs)[0]

    def step(state: tuple[list[Any], _Notes]) -> tuple[list[Any], _Notes]:
        carry, notes = state
        inner = evaluator.inside(BODY)
        results = inner.run(body.jaxpr, body.consts, [*values[split:start], *carry])
        rows = rows_that_go_on(carry)
        pairs = zip(results, carry, strict=True)
        carry = [jnp.where(_along(rows, after), after, before) for after, before in pairs]
        new = {
            origin: join(jnp.stack([notes[origin], n])) for origin, n in inner.all_notes().items()
        }
        return carry, {**notes, **new}

    def go_on(state: tuple[list[Any], _Notes]) -> Any:
        return jnp.any(rows_that_go_on(state[0]))

    carry, notes = jax.lax.while_loop(go_on, step, (values[start:], evaluator.no_notes(BODY)))
    evaluator.rounds.update(notes)
    return carry


def _along(rows: Any, value: Any) -> Any:
    return rows.reshape(*rows.shape, *[1] * (value.ndim - rows.ndim))


def _cond(evaluator: Evaluator, params: Mapping[str, Any], values: list[Any]) -> list[Any]:
    nothing = evaluator.no_notes()

    def branch(number: int, closed: Any) -> Callable[..., tuple[list[Any], _Notes]]:
        def run(*args: Any) -> tuple[list[Any], _Notes]:
            inner = evaluator.inside(number)
            results = inner.run(closed.jaxpr, closed.consts, args)
            return results, {**nothing, **inner.all_notes()}

        return run

    branches = [branch(number, closed) for number, closed in enumerate(params["branches"])]
    index = jnp.asarray(values[0]).astype(jnp.int32)
    results, notes = jax.lax.switch(index, branches, *values[1:])
    evaluator.rounds.update(notes)
    return results


_LOOPS = {"scan": _scan, "while": _while, "cond": _cond}
