"""From a float graph to the graph that a user asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import QuantisationError
from ..graph import Graph, Op, Tensor
from ..rewrites.driver import apply_rules
from ..trace import Traced
from .calibration import calibrate
from .checks import Check, spread
from .copying import copy_graph
from .forms import integer_forms
from .integer import IoDtypes, rebuild
from .kernels import is_float
from .masks import raise_masks
from .options import Calibration, Quantise
from .plan import Plan
from .ranges import Range
from .samples import read_samples
from .tensor_ranges import ranges_of
from .weights import quantise_weights

_IO_DTYPES = {"int8": ("float32", "int8", "uint8"), "int16x8": ("float32", "int16")}


@dataclass(frozen=True)
class Quantised:
    """A quantised graph, and what is needed to compare it with the float one.

    Args:
        graph: the graph to write.
        options: what was asked for.
        samples: representative data to compare on, one list of arrays for each sample.
        checks: the same with the function's results, where calibration found them.
        pairs: tensor of the float graph, and the one that stands for it.
        kept: operators on floats that stay so in integer modes.
    """

    graph: Graph
    options: Quantise
    samples: list[list[np.ndarray]]
    checks: list[Check]
    pairs: list[tuple[Tensor, Tensor]]
    kept: list[Op]


def quantise(
    graph: Graph, traced: Traced, options: Quantise, representative: Any, io_dtype: Any
) -> Quantised:
    """Quantise a legal graph.

    Args:
        graph: the float graph. Integer modes write its DIV, NEG and SQUARE as MUL and leave it a
            graph of the same function.
        traced: the function, to calibrate with.
        options: mode, exceptions and calibration.
        representative: samples of the inputs; must be None where a mode needs none.
        io_dtype: dtype of the float inputs and outputs of the file, or a tuple with one for inputs
            and one for outputs; None for float32.

    Returns:
        The quantised graph.

    Raises:
        QuantisationError: for arguments that do not go together.
    """
    stored = stored_dtypes(options.mode, io_dtype)
    if options.is_integer:
        data = calibrated(graph, traced, options.calibration, representative)
        return on_integers(data, options, stored)
    samples = [] if representative is None else list(read_samples(representative, traced))
    return _on_weights(graph, options, samples)


@dataclass(frozen=True)
class Calibrated:
    """A float graph, the ranges of its tensors over the samples, and some samples' results."""

    graph: Graph
    ranges: dict[Tensor, Range]
    checks: list[Check]


def calibrated(
    graph: Graph, traced: Traced, method: Calibration, representative: Any
) -> Calibrated:
    """Find the ranges of a graph's tensors.

    Args:
        graph: a legal float graph; its DIV, NEG and SQUARE become MUL, and masks before a softmax
            smaller numbers.
        traced: the function.
        method: how ranges follow from values.
        representative: samples of the inputs.

    Returns:
        Graph, ranges and results.
    """
    samples = list(read_samples(representative, traced))
    parts = graph.all_graphs()
    for part in parts:
        apply_rules(part, integer_forms)
    ops = [op for part in parts for op in part.ordered()]
    tensors = [*graph.inputs, *(out for op in ops for out in op.outputs)]
    wanted = {t.origin for t in tensors if is_float(t) and t.origin is not None}
    observed = calibrate(traced, wanted, samples, method)
    ranges = ranges_of(graph, observed.ranges)
    for part in parts:
        raise_masks(part, ranges)
    return Calibrated(graph, ranges, observed.checks)


def on_integers(data: Calibrated, options: Quantise, io_dtypes: IoDtypes) -> Quantised:
    """Build the integer graph of a calibrated one.

    Args:
        data: the float graph, which is not changed, with its ranges.
        options: "int8" or "int16x8" with exceptions.
        io_dtypes: dtype of the float inputs, and of the float outputs.

    Returns:
        The integer graph.
    """
    kept = options.kept(op for part in data.graph.all_graphs() for op in part.ordered())
    dtype = np.dtype(np.int8 if options.mode == "int8" else np.int16)
    plan = Plan(data.graph, data.ranges, kept, dtype).assign()
    rebuilt = rebuild(data.graph, plan, io_dtypes)
    samples = [check.inputs for check in data.checks]
    return Quantised(rebuilt.graph, options, samples, data.checks, rebuilt.pairs, rebuilt.kept)


def _on_weights(graph: Graph, options: Quantise, samples: list[list[np.ndarray]]) -> Quantised:
    copy, twins = copy_graph(graph)
    quantise_weights(copy, options)
    there = {out for op in copy.ordered() for out in op.outputs}
    results = (t for op in graph.ordered() for t in op.outputs if is_float(t))
    pairs = [(t, twins[t]) for t in results if twins[t] in there]
    chosen = [samples[number] for number in spread(samples)]
    return Quantised(copy, options, chosen, [], pairs, [])


def stored_dtypes(mode: str | None, io_dtype: Any) -> IoDtypes:
    """The dtypes of float inputs and outputs in the file.

    Args:
        mode: the quantisation, None for none.
        io_dtype: a dtype, or a tuple with one for inputs and one for outputs; None for float32.

    Returns:
        One for inputs and one for outputs.

    Raises:
        QuantisationError: the mode has no such inputs or outputs.
    """
    given = io_dtype if isinstance(io_dtype, tuple) else (io_dtype, io_dtype)
    if len(given) != 2:
        raise QuantisationError(
            "io_dtype",
            "one dtype, or one for inputs and one for outputs",
            f"{len(given)}",
            "All inputs share one.",
        )
    return _stored_dtype(mode, given[0]), _stored_dtype(mode, given[1])


def _stored_dtype(mode: str | None, given: Any) -> np.dtype:
    allowed = _IO_DTYPES.get(mode or "", ("float32",))
    try:
        dtype = np.dtype(np.float32 if given is None else given)
    except TypeError:
        dtype = None
    if dtype is None or dtype.name not in allowed:
        raise QuantisationError(
            "io_dtype",
            f"{' or '.join(allowed)} for quantize={mode!r}",
            repr(given),
            "Leave it out for float32 inputs and outputs; quantize='int8' has integers.",
        )
    return dtype
