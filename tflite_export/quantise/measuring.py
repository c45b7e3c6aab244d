"""Quantises the functions of a file, and measures how well that went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import QuantisationError
from ..flatbuffer_writer import write_model
from ..functions import Function
from ..graph import Graph
from ..subgraphs import Signature
from ..verify import random_inputs
from .checks import checks_of
from .layers import few_rows, layer_errors
from .options import Quantise
from .pipeline import Quantised, quantise
from .quality import QuantisationReport, verify_quantised


def quantise_all(
    functions: Sequence[Function],
    graphs: Sequence[Graph],
    options: Quantise,
    representative: Any,
    io_dtype: Any,
) -> list[Quantised]:
    """Quantise every function of a file.

    Args:
        functions: the functions.
        graphs: the float graph of each.
        options: what was asked for.
        representative: samples; for several functions a dict of samples by key.
        io_dtype: as for `export_tflite`.

    Returns:
        The quantised graphs, in order.

    Raises:
        QuantisationError: for arguments that do not go together.
    """
    keys = {function.key for function in functions}
    several = len(functions) > 1 and representative is not None
    if several and not (isinstance(representative, Mapping) and set(representative) == keys):
        raise QuantisationError(
            "representative",
            f"a dict of samples for the signatures {', '.join(sorted(keys))}",
            type(representative).__name__,
            "Pass representative={key: batches, ...}.",
        )
    return [
        quantise(
            graph,
            function.traced,
            options,
            representative[function.key] if several else representative,
            io_dtype,
        )
        for function, graph in zip(functions, graphs, strict=True)
    ]


def assess(
    functions: Sequence[Function], graphs: Sequence[Graph], results: Sequence[Quantised], run: bool
) -> tuple[float | None, QuantisationReport]:
    """Compare quantised functions with JAX, and each operator with the float graph's.

    Args:
        functions: the functions.
        graphs: the float graph of each.
        results: the quantised graph of each.
        run: whether to run anything; else the report says only what is known without.

    Returns:
        The largest absolute difference of a float output, None if nothing ran; and the report.

    Raises:
        ExportMismatchError: an output is lost.
    """
    mode = results[0].options.mode
    kept = tuple(f"{op.kind} ({op.where})" for result in results for op in result.kept)
    if not run:
        return None, QuantisationReport(mode, (), (), kept)
    measured = [_measure(*parts) for parts in zip(functions, graphs, results, strict=True)]
    reports = [report for _, report in measured]
    ratios = tuple(ratio for report in reports for ratio in report.snr)
    layers = tuple(layer for report in reports for layer in report.layers)
    return max(error for error, _ in measured), QuantisationReport(mode, ratios, layers, kept)


def _measure(
    function: Function, graph: Graph, quantised: Quantised
) -> tuple[float, QuantisationReport]:
    traced, options = function.traced, quantised.options
    names = (function.input_names, traced.output_names)
    content = write_model([Signature(function.key, quantised.graph, *names)]).joined
    samples = quantised.samples or [random_inputs(np.random.default_rng(0), traced, 3)]
    checks = quantised.checks or checks_of(function.call, traced, samples)
    error, ratios = verify_quantised(content, traced, options.mode, checks)
    sample = few_rows(samples[0], traced)
    layers = layer_errors(graph, quantised.graph, quantised.pairs, sample)
    return error, QuantisationReport(options.mode, ratios, layers, ())
