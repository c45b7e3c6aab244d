"""The part of the report that is about quantisation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..graph import Graph
from ..trace import Traced
from ..verify import random_inputs
from .layers import few_rows, layer_errors
from .pipeline import Quantised
from .quality import QuantisationReport, verify_quantised


def unmeasured(quantised: Quantised) -> QuantisationReport:
    """What is known without running the file."""
    kept = tuple(f"{op.kind} ({op.where})" for op in quantised.kept)
    return QuantisationReport(quantised.options.mode, (), (), kept)


def measure(
    content: bytes, fn: Callable[..., Any], traced: Traced, graph: Graph, quantised: Quantised
) -> tuple[float, QuantisationReport]:
    """Compare a quantised file with its function, and each operator with the float graph's.

    Args:
        content: the file.
        fn: the function.
        traced: what the export traced it to.
        graph: the float graph.
        quantised: the quantised graph.

    Returns:
        The largest absolute difference of a float output, and the report.

    Raises:
        ExportMismatchError: an output is lost.
    """
    mode, samples = quantised.options.mode, quantised.samples
    error, ratios = verify_quantised(content, fn, traced, mode, samples)
    sample = samples[0] if samples else random_inputs(np.random.default_rng(0), traced, 3)
    sample = few_rows(sample, traced)
    layers = layer_errors(graph, quantised.graph, quantised.pairs, sample)
    return error, QuantisationReport(mode, ratios, layers, unmeasured(quantised).kept_float)
