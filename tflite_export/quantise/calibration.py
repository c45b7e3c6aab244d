"""Runs the traced function itself over representative data and notes what its values are.

The equations are those that lowering saw, evaluated one by one under one jit, so that each value
has the key that lowering gave to the tensor for it. Free sizes in the equations' parameters become
the sizes of the sample.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal

from ..dim_expression import evaluate
from ..graph import Origin
from ..lowering.lowerer import CALLS
from ..lowering.scan import scan_counts
from ..quick_compile import quick_options
from ..symbolic import is_static
from ..trace import Traced
from .checks import Check, spread
from .options import Calibration
from .ranges import Histogram, Range, finite_range
from .samples import sizes_of

_ROOM = 1 << 26  # elements of one sample's values that are held at a time
# Elements of a value, over all samples, from which faster programs are worth their compilation.
_MANY = 2_500_000
_MOST_OUTPUTS = 1 << 26  # bytes to keep for comparisons


@dataclass(frozen=True)
class Observed:
    """What the function did on the samples.

    Args:
        ranges: the range of each value that is a float and finite somewhere.
        checks: some of the samples, with the function's results.
    """

    ranges: dict[Origin, Range]
    checks: list[Check]


def calibrate(
    traced: Traced,
    wanted: Iterable[Origin],
    samples: Sequence[list[np.ndarray]],
    method: Calibration,
) -> Observed:
    """Run the function over the samples.

    Args:
        traced: the function.
        wanted: keys of the values.
        samples: one list of arrays for each, in the order of the inputs.
        method: how a range follows from the values.

    Returns:
        Ranges and results.
    """
    whole = method.method != "minmax"
    program = _Program(traced, frozenset(wanted), len(samples), None if whole else _ROOM)
    bounds: dict[Origin, Range] = {}
    checks: list[Check] = []
    chosen, kept = spread(samples), 0
    for number, sample in enumerate(samples):
        values, results = program(sample)
        for origin, value in values.items():
            found = finite_range(np.asarray(value))
            if found is not None:
                bounds[origin] = found.union(bounds.get(origin))
        if number in chosen and kept < _MOST_OUTPUTS:
            outputs = [np.asarray(result) for result in results]
            checks.append(Check(sample, outputs))
            kept += sum(output.nbytes for output in outputs)
    ranges = _chosen(program, bounds, samples, method) if whole else bounds
    return Observed(ranges, checks)


def _chosen(
    program: _Program,
    bounds: Mapping[Origin, Range],
    samples: Sequence[list[np.ndarray]],
    method: Calibration,
) -> dict[Origin, Range]:
    """The parts of the whole ranges that a method wants."""
    histograms = {origin: Histogram(bound) for origin, bound in bounds.items()}
    for sample in samples:
        for origin, values in program(sample)[0].items():
            if origin in histograms:
                histograms[origin].add(np.asarray(values))
    return {origin: histogram.choose(method) for origin, histogram in histograms.items()}


class _Reduce:
    """Whole values while there is room, extremes of the others: these cost more to compile."""

    def __init__(self, room: int | None) -> None:
        self._room = room
        self.elements = 0

    def __call__(self, value: Any) -> Any:
        self.elements += value.size
        return value if self._room is None or self.elements <= self._room else _extremes(value)


def _extremes(value: Any) -> Any:
    """Least and largest finite element."""
    finite = jnp.isfinite(value)
    return jnp.stack(
        [
            jnp.min(value, initial=jnp.inf, where=finite),
            jnp.max(value, initial=-jnp.inf, where=finite),
        ]
    )


class _Program:
    """From a sample to watched values, or their extremes, and the function's results."""

    def __init__(
        self, traced: Traced, watched: frozenset[Origin], runs: int, room: int | None
    ) -> None:
        self._traced, self._watched, self._runs, self._room = traced, watched, runs, room
        self._compiled: dict[tuple[tuple[str, int], ...], Callable[..., Any]] = {}

    def __call__(self, sample: list[np.ndarray]) -> tuple[dict[Origin, Any], list[Any]]:
        sizes = tuple(sorted(sizes_of(sample, self._traced).items()))
        if sizes not in self._compiled:
            self._compiled[sizes] = self._compile(dict(sizes), sample)
        # Constants come as arguments: as part of the program they would be compiled into it.
        notes, results = self._compiled[sizes](self._traced.jaxpr.consts, *sample)
        return notes, results

    def _compile(self, sizes: Mapping[str, int], sample: list[np.ndarray]) -> Callable[..., Any]:
        reduce = _Reduce(self._room)

        def observe(consts: Any, *inputs: Any) -> tuple[dict[Origin, Any], list[Any]]:
            evaluator = Evaluator(sizes, self._watched, reduce)
            for number, value in enumerate(inputs):
                evaluator.note(Origin((), number), value)
            results = evaluator.run(self._traced.jaxpr.jaxpr, consts, inputs)
            return evaluator.notes, results

        staged = jax.jit(observe).trace(self._traced.jaxpr.consts, *sample)
        few = reduce.elements * self._runs <= _MANY * max(len(self._watched), 1)
        return staged.lower().compile(compiler_options=quick_options() if few else None)


class Evaluator:
    """Evaluates a jaxpr with free sizes for given sizes of them.

    Args:
        sizes: number for each symbol.
        watched: keys of the values to note; those in a scan's body come stacked, those in other
            loops and in branches not at all.
        reduce: what to note of a value.
        path: equation numbers that lead to the jaxpr.
    """

    def __init__(
        self,
        sizes: Mapping[str, int],
        watched: frozenset[Origin] = frozenset(),
        reduce: Callable[[Any], Any] = lambda value: value,
        path: tuple[int, ...] = (),
    ) -> None:
        self.sizes = sizes
        self.watched = watched
        self.reduce = reduce
        self.path = path
        self.notes: dict[Origin, Any] = {}

    def note(self, origin: Origin, value: Any) -> None:
        """Keep what is wanted of a value, if it is a watched float."""
        if origin in self.watched and jnp.issubdtype(value.dtype, jnp.floating):
            self.notes[origin] = self.reduce(value)

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

    def inside(self, closed: ClosedJaxpr) -> Callable[..., list[Any]]:
        """The function of an inner jaxpr that is not noted."""
        return lambda *args: Evaluator(self.sizes).run(closed.jaxpr, closed.consts, args)

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
        inner = Evaluator(evaluator.sizes, evaluator.watched, evaluator.reduce, evaluator.path)
        out = inner.run(body.jaxpr, body.consts, [*fixed, *carry, *xs])
        return out[:carried], (out[carried:], inner.notes)

    length = evaluator.number(params["length"])
    carry, (ys, stacked) = jax.lax.scan(
        step, rest[:carried], rest[carried:], length, params["reverse"]
    )
    evaluator.notes.update(stacked)
    return [*carry, *ys]


def _while(evaluator: Evaluator, params: Mapping[str, Any], values: list[Any]) -> list[Any]:
    test, body = evaluator.inside(params["cond_jaxpr"]), evaluator.inside(params["body_jaxpr"])
    split, start = params["cond_nconsts"], params["cond_nconsts"] + params["body_nconsts"]
    return list(
        jax.lax.while_loop(
            lambda carry: test(*values[:split], *carry)[0],
            lambda carry: body(*values[split:start], *carry),
            values[start:],
        )
    )


def _cond(evaluator: Evaluator, params: Mapping[str, Any], values: list[Any]) -> list[Any]:
    branches = [evaluator.inside(branch) for branch in params["branches"]]
    return list(jax.lax.switch(values[0].astype(jnp.int32), branches, *values[1:]))


_LOOPS = {"scan": _scan, "while": _while, "cond": _cond}
