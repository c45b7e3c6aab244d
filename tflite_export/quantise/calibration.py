"""Runs the traced function itself over representative data and notes what its values are.

All equations are one program, so values outside of loops come back whole while there is room, and
extremes of the others: these cost more to compile than to find in NumPy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..graph import Origin
from ..quick_compile import quick_options
from ..trace import Traced
from .checks import Check, spread
from .evaluator import Evaluator, Summary
from .options import Calibration
from .ranges import BINS, Histogram, Range, finite_range
from .samples import sizes_of

_ROOM = 1 << 26  # elements of one sample's values that are held at a time
# Elements of a value, over all samples, from which faster programs are worth their compilation.
_MANY = 2_500_000
_MOST_OUTPUTS = 1 << 26  # bytes to keep for comparisons


@dataclass(frozen=True)
class Observed:
    """What the function did on the samples.

    Args:
        ranges: the range of each value that is a float and finite somewhere; of one inside of a
            loop that over all rounds.
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
        samples: each a list of arrays, one for each input.
        method: how a range follows from the values.

    Returns:
        Ranges and results.
    """
    whole = method.method != "minmax"
    program = _Program(traced, frozenset(wanted), len(samples), _EXTREMES, None if whole else _ROOM)
    bounds: dict[Origin, Range] = {}
    looped: set[Origin] = set()
    checks: list[Check] = []
    chosen, kept = spread(samples), 0
    for number, sample in enumerate(samples):
        run = program(sample)
        looped |= set(run.rounds)
        for origin, value in {**run.values, **run.rounds}.items():
            found = finite_range(np.asarray(value))
            if found is not None:
                bounds[origin] = found.union(bounds.get(origin))
        if number in chosen and kept < _MOST_OUTPUTS:
            outputs = [np.asarray(result) for result in run.results]
            checks.append(Check(sample, outputs))
            kept += sum(output.nbytes for output in outputs)
    if not whole:
        return Observed(bounds, checks)
    if looped:  # rounds are counted by the program itself, within ranges known by now
        watched = frozenset(bounds)
        program = _Program(traced, watched, len(samples), _histograms(bounds), None)
    return Observed(_chosen(program, bounds, samples, method), checks)


def _chosen(
    program: _Program,
    bounds: Mapping[Origin, Range],
    samples: Sequence[list[np.ndarray]],
    method: Calibration,
) -> dict[Origin, Range]:
    """The parts of the whole ranges that a method wants."""
    histograms = {origin: Histogram(bound) for origin, bound in bounds.items()}
    for sample in samples:
        run = program(sample)
        for origin, values in run.values.items():
            if origin in histograms:
                histograms[origin].add(np.asarray(values))
        for origin, counts in run.rounds.items():
            histograms[origin].add_counts(np.asarray(counts))
    return {origin: histogram.choose(method) for origin, histogram in histograms.items()}


def _extremes(value: Any) -> Any:
    """Least and largest finite element."""
    finite = jnp.isfinite(value)
    least = jnp.min(value, initial=jnp.inf, where=finite)
    return jnp.stack([least, jnp.max(value, initial=-jnp.inf, where=finite)]).astype(jnp.float32)


def _extremes_of(pairs: Any) -> Any:
    least = jnp.min(pairs[:, 0], initial=jnp.inf)
    return jnp.stack([least, jnp.max(pairs[:, 1], initial=-jnp.inf)])


_EXTREMES = Summary(
    lambda _, value: _extremes(value),
    _extremes_of,
    np.array([np.inf, -np.inf], np.float32),
)


def _histograms(bounds: Mapping[Origin, Range]) -> Summary:
    """How often values lie in each part of their range."""

    def counts(origin: Origin, value: Any) -> Any:
        low, high = bounds[origin].low, bounds[origin].high
        value = jnp.ravel(value)
        if low >= high:
            return jnp.zeros(BINS, jnp.int32)
        finite = jnp.isfinite(value)
        share = (jnp.where(finite, value, low) - low) / (high - low)
        numbers = jnp.clip((share * BINS).astype(jnp.int32), 0, BINS - 1)
        return jnp.zeros(BINS, jnp.int32).at[numbers].add(finite.astype(jnp.int32))

    return Summary(counts, lambda stacked: stacked.sum(0), np.zeros(BINS, np.int32))


class _Whole:
    """Values as they are while there is room, and the extremes of the others."""

    def __init__(self, room: int | None) -> None:
        self._room = room
        self.elements = 0

    def __call__(self, _: Origin, value: Any) -> Any:
        self.elements += value.size
        return value if self._room is None or self.elements <= self._room else _extremes(value)


class _Run(NamedTuple):
    """What is noted of values outside of loops and inside of them, and the results."""

    values: dict[Origin, Any]
    rounds: dict[Origin, Any]
    results: list[Any]


class _Program:
    """From a sample to notes of watched values and the function's results."""

    def __init__(
        self,
        traced: Traced,
        watched: frozenset[Origin],
        runs: int,
        summary: Summary,
        room: int | None,
    ) -> None:
        self._traced, self._watched, self._runs = traced, watched, runs
        self._summary, self._room = summary, room
        self._compiled: dict[tuple[tuple[str, int], ...], Callable[..., Any]] = {}

    def __call__(self, sample: list[np.ndarray]) -> _Run:
        sizes = tuple(sorted(sizes_of(sample, self._traced).items()))
        if sizes not in self._compiled:
            self._compiled[sizes] = self._compile(dict(sizes), sample)
        # Constants come as arguments: as part of the program they would be compiled into it.
        return _Run(*self._compiled[sizes](self._traced.jaxpr.consts, *sample))

    def _compile(self, sizes: Mapping[str, int], sample: list[np.ndarray]) -> Callable[..., Any]:
        whole = _Whole(self._room)

        def observe(consts: Any, *inputs: Any) -> tuple[Any, Any, list[Any]]:
            evaluator = Evaluator(sizes, self._watched, self._summary, whole)
            for number, value in enumerate(inputs):
                evaluator.note(Origin((), number), value)
            results = evaluator.run(self._traced.jaxpr.jaxpr, consts, inputs)
            return evaluator.notes, evaluator.rounds, results

        staged = jax.jit(observe).trace(self._traced.jaxpr.consts, *sample)
        few = whole.elements * self._runs <= _MANY * max(len(self._watched), 1)
        return staged.lower().compile(compiler_options=quick_options() if few else None)
