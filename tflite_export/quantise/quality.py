"""How far a quantised file is from the function, as a signal-to-noise ratio in decibels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from ..errors import ExportMismatchError
from ..interpreter import Interpreter
from ..trace import Traced
from ..verify import random_inputs
from .decibels import snr
from .layers import LayerError
from .running import run_real

# Below this the output is lost: "int8" leaves 20 to 40 dB on sound models.
_LEAST = {"float16": 30.0, "dynamic": 5.0, "int8": 5.0, "int16x8": 20.0}
_LEAST_AGREEMENT = 0.5  # share of equal elements of integer outputs
_SAMPLES = 3  # enough to tell sound from broken


@dataclass(frozen=True)
class QuantisationReport:
    """How good a quantised file is.

    Args:
        mode: "float16", "dynamic", "int8" or "int16x8".
        snr: signal-to-noise ratio of each output in dB; None for integers. 20 dB are an error of
            a tenth, 40 dB of a hundredth. Empty if not measured.
        layers: every operator's result, in order. Empty if not measured.
        kept_float: operators that stay on floats in integer modes, with their places.
    """

    mode: str
    snr: tuple[float | None, ...]
    layers: tuple[LayerError, ...]
    kept_float: tuple[str, ...]

    def worst(self, count: int = 5) -> tuple[LayerError, ...]:
        """The operators that add most noise.

        Args:
            count: how many.

        Returns:
            The worst first.
        """
        return tuple(sorted(self.layers, key=lambda layer: layer.own)[:count])

    def __str__(self) -> str:
        measured = [f"{value:.1f} dB" for value in self.snr if value is not None]
        lines = [f"quantised to {self.mode}: {', '.join(measured) or 'not measured'}"]
        lines += [f"  float {text}" for text in self.kept_float]
        return "\n".join(lines)


def verify_quantised(
    content: bytes,
    fn: Callable[..., Any],
    traced: Traced,
    mode: str,
    samples: Sequence[list[np.ndarray]],
) -> tuple[float, tuple[float | None, ...]]:
    """Compare a quantised file with its function.

    Args:
        content: the .tflite file.
        fn: the function.
        traced: what the export traced it to.
        mode: the quantisation, which says how much may be lost.
        samples: representative data; random inputs if there are none.

    Returns:
        The largest absolute difference of a float output, and the ratio of each output in dB.

    Raises:
        ExportMismatchError: an output has another shape, or is lost in noise.
    """
    worst, ratios = measure_quantised(content, fn, traced, mode, samples)
    for name, ratio in zip(traced.output_names, ratios, strict=True):
        if ratio is not None and ratio < _LEAST[mode]:
            expected = f"a signal-to-noise ratio of at least {_LEAST[mode]:g} dB"
            raise _lost(name, expected, f"{ratio:.1f} dB", mode)
    return worst, ratios


def measure_quantised(
    content: bytes,
    fn: Callable[..., Any],
    traced: Traced,
    mode: str,
    samples: Sequence[list[np.ndarray]],
) -> tuple[float, tuple[float | None, ...]]:
    """`verify_quantised` without a limit for the noise of float outputs."""
    interpreter, reference = Interpreter(model_content=content), jax.jit(fn)
    chosen = list(samples[:_SAMPLES]) or [random_inputs(np.random.default_rng(0), traced, 3)]
    wanted: list[list[np.ndarray]] = [[] for _ in traced.output_names]
    got: list[list[np.ndarray]] = [[] for _ in traced.output_names]
    for sample in chosen:
        args = jax.tree_util.tree_unflatten(traced.tree, sample)
        for into, leaf in zip(wanted, jax.tree_util.tree_leaves(reference(*args)), strict=True):
            into.append(np.asarray(leaf))
        for into, array in zip(got, run_real(interpreter, sample), strict=True):
            into.append(array)
    worst, ratios = 0.0, []
    for name, exact, rounded in zip(traced.output_names, wanted, got, strict=True):
        for left, right in zip(exact, rounded, strict=True):
            if left.shape != right.shape:
                raise _lost(name, f"shape {left.shape}", f"{right.shape}", mode)
        flat = [np.concatenate([a.reshape(-1) for a in arrays]) for arrays in (exact, rounded)]
        ratios.append(_compare(name, mode, *flat))
        if ratios[-1] is not None:
            worst = max(worst, float(np.nanmax(np.abs(flat[0] - flat[1]), initial=0.0)))
    return worst, tuple(ratios)


def _compare(name: str, mode: str, want: np.ndarray, got: np.ndarray) -> float | None:
    if not np.issubdtype(want.dtype, np.floating):
        share = float(np.mean(want == got)) if want.size else 1.0
        if share < _LEAST_AGREEMENT:
            raise _lost(name, "most elements as in JAX", f"{share:.0%}", mode)
        return None
    return snr(want, got)


def _lost(name: str, expected: str, got: str, mode: str) -> ExportMismatchError:
    return ExportMismatchError(
        f"output {name!r} of the quantised file",
        expected,
        f"{got} in LiteRT",
        "debug_quantisation(...) ranks the operators by error: keep the worst in float with "
        f"quantize=Quantise({mode!r}, keep_float=[...]), calibrate on more data, or use "
        "'int16x8' or 'dynamic'. verify=False exports without this check.",
    )
