"""Which operators a quantisation loses most in, and what keeping them in float would win."""

from __future__ import annotations

import glob
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .convert import build_graph
from .errors import QuantisationError
from .flatbuffer_writer import write_model
from .functions import read_functions
from .quantise import LayerError, Quantise, Quantised, as_quantise
from .quantise.decibels import TOP
from .quantise.layers import few_rows, layer_errors
from .quantise.pipeline import calibrated, on_integers
from .quantise.quality import measure_quantised
from .subgraphs import Signature

_FLOAT = np.dtype(np.float32)


@dataclass(frozen=True)
class Proposal:
    """Patterns for `Quantise(keep_float=...)`, and what they achieve.

    Args:
        keep_float: the patterns.
        snr: signal-to-noise ratio of the worst output with them, in dB.
        bytes: size of the file with them.
    """

    keep_float: tuple[str, ...]
    snr: float
    bytes: int


@dataclass(frozen=True)
class QuantisationDebug:
    """What `debug_quantisation` found.

    Args:
        snr: signal-to-noise ratio of the worst output as it is, in dB.
        layers: all operators, those that add most noise first.
        proposals: ever more of the worst operators kept in float.

    Example:
        >>> print(QuantisationDebug(21.5, (), (Proposal(("dense",), 30.2, 900),)))
        21.5 dB as it is
         30.2 dB at 900 bytes with keep_float=['dense']
    """

    snr: float
    layers: tuple[LayerError, ...]
    proposals: tuple[Proposal, ...]

    def __str__(self) -> str:
        lines = [f"{self.snr:.1f} dB as it is"]
        lines += [
            f"{p.snr:5.1f} dB at {p.bytes:,} bytes with keep_float={list(p.keep_float)}"
            for p in self.proposals
        ]
        return "\n".join([*lines, *map(str, self.layers)])


def debug_quantisation(
    fn_or_model: Any,
    specs: Any = None,
    *,
    representative: Any,
    quantize: str | Quantise = "int8",
    proposals: int = 3,
) -> QuantisationDebug:
    """Rank the operators of a quantised function by error, and try keeping the worst in float.

    Float and quantised file run in LiteRT side by side, and every operator's results are compared.
    An operator's own noise is what it adds to that of its inputs. Then the worst are kept in float
    one after the other; what this does to the outputs is measured, not estimated.

    Args:
        fn_or_model: as for `export_tflite`.
        specs: as for `export_tflite`.
        representative: samples of the inputs; read once.
        quantize: the quantisation, with the exceptions that stand already.
        proposals: how many operators to try keeping in float.

    Returns:
        The ranking and the proposals.

    Raises:
        QuantisationError: for a mode that has no integer operators, or a number of proposals
            below 0.
        MissingRuntimeError: `ai-edge-litert` is not installed.

    Example:
        >>> import jax, numpy as np
        >>> from nnlib.tflite_export import TensorSpec
        >>> x = np.linspace(-1, 1, 32, dtype=np.float32).reshape(8, 4)
        >>> w = np.eye(4, dtype=np.float32)
        >>> found = debug_quantisation(
        ...     lambda x: jax.nn.relu(x @ w), TensorSpec((None, 4)), representative=[x], proposals=1
        ... )
        >>> [layer.kind for layer in found.layers]
        ['FULLY_CONNECTED']

    Source: the idea of TensorFlow Lite's quantization debugger.
    """
    options = as_quantise(quantize)
    if options is None or not options.is_integer:
        raise QuantisationError(
            "debug_quantisation",
            "quantize='int8' or 'int16x8'",
            repr(quantize),
            "Other modes have no operators to keep in float.",
        )
    if not isinstance(proposals, int) or proposals < 0:
        raise QuantisationError(
            "debug_quantisation", "proposals=0 or more", repr(proposals), "Write proposals=3."
        )
    (function,) = read_functions(fn_or_model, specs, "debug", None)
    traced = function.traced
    graph = build_graph(traced)
    data = calibrated(graph, traced, options.calibration, representative)

    def attempt(chosen: Quantise) -> tuple[Quantised, bytes, float]:
        quantised = on_integers(data, chosen, (_FLOAT, _FLOAT))
        names = (function.input_names, traced.output_names)
        content = write_model([Signature("debug", quantised.graph, *names)]).joined
        found = measure_quantised(content, traced, data.checks)
        least = min((output.snr for output in found if output.snr is not None), default=TOP)
        return quantised, content, least

    first, _, least = attempt(options)
    layers = layer_errors(graph, first.graph, first.pairs, few_rows(data.checks[0].inputs, traced))
    ranked = sorted((e for e in layers if not e.is_float), key=lambda layer: layer.own)
    found: list[Proposal] = []
    keep = tuple(options.keep_float)
    for place in list(dict.fromkeys(layer.place for layer in ranked))[:proposals]:
        keep = (*keep, glob.escape(place))
        _, content, ratio = attempt(replace(options, keep_float=keep))
        found.append(Proposal(keep, ratio, len(content)))
    return QuantisationDebug(least, tuple(ranked), tuple(found))
