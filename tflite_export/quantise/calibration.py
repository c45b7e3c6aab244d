"""Runs the traced function itself over representative data and notes what its values are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..graph import Origin
from ..trace import Traced
from .evaluator import Evaluator, Summary
from .options import Calibration
from .ranges import BINS, Histogram, Range
from .samples import sizes_of


def calibrate(
    traced: Traced,
    wanted: Iterable[Origin],
    samples: Sequence[list[np.ndarray]],
    method: Calibration,
) -> dict[Origin, Range]:
    """The ranges of values over the samples.

    Args:
        traced: the function.
        wanted: keys of the values.
        samples: one list of arrays for each, in the order of the inputs.
        method: how a range follows from the values.

    Returns:
        The range of each value that is a float and finite somewhere; of one inside of a loop that
        over all rounds.
    """
    bounds = _bounds(traced, frozenset(wanted), samples)
    if method.method == "minmax":
        return bounds
    histograms = {origin: Histogram(bound) for origin, bound in bounds.items()}
    collect = _runner(traced, frozenset(bounds), _histograms(bounds))
    for sample in samples:
        for origin, counts in collect(sample).items():
            histograms[origin].add_counts(np.asarray(counts))
    return {origin: histogram.choose(method) for origin, histogram in histograms.items()}


def _bounds(
    traced: Traced, watched: frozenset[Origin], samples: Sequence[list[np.ndarray]]
) -> dict[Origin, Range]:
    run = _runner(traced, watched, _EXTREMES)
    found: dict[Origin, Range] = {}
    for sample in samples:
        for origin, pair in run(sample).items():
            low, high = map(float, pair)
            if low <= high:  # not so if nothing was finite, or nothing ran
                found[origin] = Range(low, high).union(found.get(origin))
    return found


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


def _runner(
    traced: Traced, watched: frozenset[Origin], summary: Summary
) -> Callable[[list[np.ndarray]], dict[Origin, Any]]:
    """A function from a sample to the summary of each watched value."""
    compiled: dict[tuple[tuple[str, int], ...], Callable[..., dict[Origin, Any]]] = {}

    def run(sample: list[np.ndarray]) -> dict[Origin, Any]:
        sizes = tuple(sorted(sizes_of(sample, traced).items()))
        if sizes not in compiled:
            compiled[sizes] = _compile(traced, watched, summary, dict(sizes))
        return compiled[sizes](*sample)

    return run


def _compile(
    traced: Traced,
    watched: frozenset[Origin],
    summary: Summary,
    sizes: Mapping[str, int],
) -> Callable[..., dict[Origin, Any]]:
    def observe(*inputs: Any) -> dict[Origin, Any]:
        evaluator = Evaluator(sizes, watched, summary)
        for number, value in enumerate(inputs):
            evaluator.note(Origin((), number), value)
        evaluator.run(traced.jaxpr.jaxpr, traced.jaxpr.consts, inputs)
        return evaluator.notes

    return jax.jit(observe)
