"""How far a quantised file is from the function, as a signal-to-noise ratio in decibels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import ExportMismatchError
from ..interpreter import Interpreter
from ..trace import Traced
from .checks import Check
from .decibels import SignalToNoise
from .layers import LayerError
from .running import run_real

# Below this the output is lost: "int8" leaves 20 to 40 dB on sound models.
_LEAST = {"float16": 30.0, "dynamic": 10.0, "int8": 10.0, "int16x8": 25.0}
# Least share of equal elements of other outputs; half of the bools are equal by chance.
_LEAST_AGREEMENT, _LEAST_BOOLS = 0.5, 0.75


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


@dataclass(frozen=True)
class OutputQuality:
    """How far one output is from the function.

    Args:
        name: of the output.
        error: largest absolute difference of finite floats.
        snr: signal-to-noise ratio of a float output in dB.
        agreement: share of equal elements of an output of integers or bools.
        least_agreement: below this it is lost.
        misplaced: elements that are infinite or NaN in JAX or in LiteRT, and other ones there.
    """

    name: str
    error: float = 0.0
    snr: float | None = None
    agreement: float | None = None
    least_agreement: float = _LEAST_AGREEMENT
    misplaced: int = 0


def verify_quantised(
    content: bytes, traced: Traced, mode: str, checks: Sequence[Check]
) -> tuple[float, tuple[float | None, ...]]:
    """Compare a quantised file with its function.

    Args:
        content: the .tflite file.
        traced: what the export traced the function to.
        mode: the quantisation, which says how much may be lost.
        checks: samples with the function's results.

    Returns:
        The largest absolute difference of a float output, and the ratio of each output in dB.

    Raises:
        ExportMismatchError: an output has another shape, is lost in noise, or is infinite or NaN
            where the function is not.
    """
    found = measure_quantised(content, traced, checks)
    for output in found:
        _check(output, mode)
    return max(output.error for output in found), tuple(output.snr for output in found)


def measure_quantised(
    content: bytes, traced: Traced, checks: Sequence[Check]
) -> list[OutputQuality]:
    """The quality of each output, however low; arguments as for `verify_quantised`."""
    interpreter = Interpreter(model_content=content)
    collected = [_Collected(name) for name in traced.output_names]
    for check in checks:
        got = run_real(interpreter, check.inputs)
        for output, want, have in zip(collected, check.outputs, got, strict=True):
            output.add(want, have)
    return [output.quality() for output in collected]


class _Collected:
    """One output over all samples."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._error, self._ratio = 0.0, SignalToNoise()
        self._equal = self._size = self._misplaced = 0
        self._dtype = np.dtype(np.float32)

    def add(self, want: np.ndarray, got: np.ndarray) -> None:
        if want.shape != got.shape:
            raise ExportMismatchError(
                f"output {self._name!r} of the quantised file",
                f"shape {want.shape}",
                f"{got.shape} in LiteRT",
                "Please report it; verify=False exports without this check.",
            )
        self._size += want.size
        self._dtype = want.dtype
        if not np.issubdtype(want.dtype, np.floating):
            self._equal += int((want == got).sum())
            return
        finite = np.isfinite(want) & np.isfinite(got)
        same = finite | (want == got) | (np.isnan(want) & np.isnan(got))
        self._misplaced += int(want.size - same.sum())
        self._ratio.add(want[finite], got[finite])
        difference = np.abs(want[finite].astype(np.float64) - got[finite])
        self._error = max(self._error, float(difference.max(initial=0.0)))

    def quality(self) -> OutputQuality:
        if np.issubdtype(self._dtype, np.floating):
            ratio = self._ratio.decibels
            return OutputQuality(self._name, self._error, ratio, misplaced=self._misplaced)
        share = self._equal / self._size if self._size else 1.0
        least = _LEAST_BOOLS if self._dtype == np.bool_ else _LEAST_AGREEMENT
        return OutputQuality(self._name, agreement=share, least_agreement=least)


def _check(output: OutputQuality, mode: str) -> None:
    if output.misplaced:
        raise ExportMismatchError(
            f"output {output.name!r} of the quantised file",
            "infinities and NaN where JAX has them, and nowhere else",
            f"{output.misplaced} other elements in LiteRT",
            "Integers hold neither: clip what the function returns, mask with a large finite "
            f"number, or keep the last operators in float with quantize=Quantise({mode!r}, "
            "keep_float=[...]).",
        )
    if output.snr is not None and output.snr < _LEAST[mode]:
        expected = f"a signal-to-noise ratio of at least {_LEAST[mode]:g} dB"
        raise _lost(output.name, expected, f"{output.snr:.1f} dB", mode)
    if output.agreement is not None and output.agreement < output.least_agreement:
        expected = f"at least {output.least_agreement:.0%} of the elements as in JAX"
        raise _lost(output.name, expected, f"{output.agreement:.0%}", mode)


def _lost(name: str, expected: str, got: str, mode: str) -> ExportMismatchError:
    return ExportMismatchError(
        f"output {name!r} of the quantised file",
        expected,
        f"{got} in LiteRT",
        "debug_quantisation(...) ranks the operators by error: keep the worst in float with "
        f"quantize=Quantise({mode!r}, keep_float=[...]), calibrate on more data, or use "
        "'int16x8' or 'dynamic'. verify=False exports without this check.",
    )
