"""Runs the traced function itself over representative data and notes what its values are.

The equations are those that lowering saw, evaluated one by one under one jit, so that each value
has the key that lowering gave to the tensor for it. Free sizes in the equations' parameters become
the sizes of the sample.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal

from ..dim_expression import evaluate
from ..graph import Origin
from ..lowering.lowerer import CALLS
from ..symbolic import is_static
from ..trace import Traced
from .options import Calibration
from .ranges import Histogram, Range
from .samples import sizes_of

_Reduce = Callable[[Any], Any]


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
        The range of each value that is a float and finite somewhere.
    """
    watched = frozenset(wanted)
    bounds = _bounds(traced, watched, samples)
    if method.method == "minmax":
        return bounds
    histograms = {origin: Histogram(bound) for origin, bound in bounds.items()}
    collect = _runner(traced, frozenset(bounds), lambda value: value)
    for sample in samples:
        for origin, values in collect(sample).items():
            histograms[origin].add(np.asarray(values))
    return {origin: histogram.choose(method) for origin, histogram in histograms.items()}


def _bounds(
    traced: Traced, watched: frozenset[Origin], samples: Sequence[list[np.ndarray]]
) -> dict[Origin, Range]:
    run = _runner(traced, watched, _extremes)
    found: dict[Origin, Range] = {}
    for sample in samples:
        for origin, pair in run(sample).items():
            pairs = np.asarray(pair).reshape(-1, 2)  # one for each round of the loops around it
            low, high = float(pairs[:, 0].min()), float(pairs[:, 1].max())
            if low <= high:  # not so if nothing was finite
                found[origin] = Range(low, high).union(found.get(origin))
    return found


def _extremes(value: Any) -> Any:
    """Least and largest finite element."""
    finite = jnp.isfinite(value)
    return jnp.stack(
        [
            jnp.min(value, initial=jnp.inf, where=finite),
            jnp.max(value, initial=-jnp.inf, where=finite),
        ]
    )


def _runner(
    traced: Traced, watched: frozenset[Origin], reduce: _Reduce
) -> Callable[[list[np.ndarray]], dict[Origin, Any]]:
    """A function from a sample to what `reduce` makes of each watched value."""
    compiled: dict[tuple[tuple[str, int], ...], Callable[..., dict[Origin, Any]]] = {}

    def run(sample: list[np.ndarray]) -> dict[Origin, Any]:
        sizes = tuple(sorted(sizes_of(sample, traced).items()))
        if sizes not in compiled:
            compiled[sizes] = _compile(traced, watched, reduce, dict(sizes))
        return compiled[sizes](*sample)

    return run


def _compile(
    traced: Traced,
    watched: frozenset[Origin],
    reduce: _Reduce,
    sizes: Mapping[str, int],
) -> Callable[..., dict[Origin, Any]]:
    def observe(*inputs: Any) -> dict[Origin, Any]:
        evaluator = Evaluator(sizes, watched, reduce)
        for number, value in enumerate(inputs):
            evaluator.note(Origin((), number), value)
        evaluator.run(traced.jaxpr.jaxpr, traced.jaxpr.consts, inputs)
        return evaluator.notes

    return jax.jit(observe)


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
        reduce: _Reduce = lambda value: value,
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
    consts, carried = params["num_consts"], params["num_carry"]
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
