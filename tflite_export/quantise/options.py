"""What a user may ask of the quantiser."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import QuantisationError
from ..graph import Op

MODES = ("float16", "dynamic", "int8", "int16x8")
_METHODS = ("minmax", "percentile", "mse")
_PERCENTILE = 99.99


@dataclass(frozen=True)
class Calibration:
    """How the range of a value follows from what it was over the representative data.

    Args:
        method: "minmax" covers everything that occurred; "percentile" cuts off rare extremes;
            "mse" takes the range with the least mean squared error of rounding and clipping.
        percentile: percentage of the values that "percentile" keeps on either side.

    Raises:
        QuantisationError: for another method, for a percentile outside (50, 100], and for one
            with a method that has none.

    Example:
        >>> Calibration("percentile", 99.9).percentile
        99.9
    """

    method: str = "minmax"
    percentile: float = _PERCENTILE

    def __post_init__(self) -> None:
        if self.method not in _METHODS:
            raise QuantisationError(
                "Calibration",
                f"method {_choice(_METHODS)}",
                repr(self.method),
                "Write Calibration('minmax').",
            )
        if self.method != "percentile" and self.percentile != _PERCENTILE:
            raise QuantisationError(
                "Calibration",
                "a percentile with method='percentile' alone",
                f"method={self.method!r}",
                "Leave it out.",
            )
        if not (isinstance(self.percentile, int | float) and 50.0 < self.percentile <= 100.0):
            raise QuantisationError(
                "Calibration",
                "a percentile above 50 and up to 100",
                repr(self.percentile),
                "Write Calibration('percentile', 99.99).",
            )


@dataclass(frozen=True)
class Quantise:
    """A quantisation with exceptions, for `export_tflite(..., quantize=Quantise(...))`.

    Args:
        mode: "float16" (half the size), "dynamic" (int8 weights, float32 arithmetic around them),
            "int8" (integers throughout) or "int16x8" (int16 values, int8 weights).
        keep_float: patterns with `*` of operators that stay float32: a layer's path
            ("encoder/dense"), a line of code ("*model.py:12"), or a TFLite operator ("SOFTMAX").
        calibration: how ranges are found, for "int8" and "int16x8".

    Raises:
        QuantisationError: for another mode.

    Example:
        >>> Quantise("int8", keep_float=["SOFTMAX"]).mode
        'int8'
    """

    mode: str
    keep_float: Sequence[str] = ()
    calibration: Calibration = field(default_factory=Calibration)

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise QuantisationError(
                "quantize", _choice(MODES), repr(self.mode), "Write quantize='int8'."
            )
        if not isinstance(self.calibration, Calibration):
            raise QuantisationError(
                "Quantise", "a Calibration", repr(self.calibration), "Write Calibration('mse')."
            )
        if not self.is_integer and self.calibration != Calibration():
            raise QuantisationError(
                "Quantise",
                "a calibration with 'int8' or 'int16x8' alone",
                f"mode {self.mode!r}",
                "Leave it out: only integers throughout need ranges.",
            )
        if isinstance(self.keep_float, str) or not all(isinstance(p, str) for p in self.keep_float):
            raise QuantisationError(
                "Quantise",
                "keep_float as a sequence of patterns",
                repr(self.keep_float),
                "Write keep_float=['SOFTMAX'].",
            )

        if not isinstance(self.calibration, Calibration):
            raise QuantisationError(
                "Quantise",
                "calibration as a Calibration",
                repr(self.calibration),
                "Write calibration=Calibration('mse').",
            )

    @property
    def is_integer(self) -> bool:
        """Whether values, and not weights alone, become integers."""
        return self.mode in ("int8", "int16x8")

    def kept(self, ops: Iterable[Op]) -> set[Op]:
        """The operators that shall stay float.

        Args:
            ops: all operators.

        Returns:
            Those that a pattern of `keep_float` names.

        Raises:
            QuantisationError: a pattern names none.
        """
        every, found = list(ops), set()
        for pattern in self.keep_float:
            named = {op for op in every if _names(pattern, op)}
            if not named:
                known = sorted({op.where for op in every})
                raise QuantisationError(
                    "keep_float",
                    "patterns that name an operator",
                    f"{pattern!r}, which names none",
                    f"Known places are: {'; '.join(known[:20])}.",
                )
            found |= named
        return found


def as_quantise(value: Any) -> Quantise | None:
    """What `quantize=` stands for: None, the name of a mode, or a `Quantise` itself."""
    if value is None or isinstance(value, Quantise):
        return value
    return Quantise(value)


def _names(pattern: str, op: Op) -> bool:
    path, _, line = op.where.rpartition(", ")
    return any(fnmatch.fnmatchcase(text, pattern) for text in (op.kind, op.where, path, line))


def _choice(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names[:-1]) + f" or {names[-1]!r}"
