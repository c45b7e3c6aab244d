"""Runs files whose inputs and outputs may be integers on real numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ExportMismatchError
from ..interpreter import Interpreter
from ..verify import run


def run_real(interpreter: Interpreter, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Run a file on real numbers, whatever its inputs and outputs are stored as."""
    details = interpreter.get_input_details()
    stored = [_to_stored(value, d) for value, d in zip(inputs, details, strict=True)]
    try:
        outputs = run(interpreter, stored)
    except (RuntimeError, ValueError) as error:
        raise ExportMismatchError(
            "the quantised file",
            "to run in LiteRT",
            f"{type(error).__name__}: {error}",
            "Check that the data are inputs that the function takes, with indices in range; "
            "otherwise please report it. verify=False exports without this check.",
        ) from error
    return [
        to_real(value, d)
        for value, d in zip(outputs, interpreter.get_output_details(), strict=True)
    ]


def _to_stored(value: np.ndarray, detail: dict[str, Any]) -> np.ndarray:
    scale, zero_point = detail["quantization"]
    if not scale or value.dtype == detail["dtype"]:
        return value
    limits = np.iinfo(detail["dtype"])
    steps = np.rint(value.astype(np.float64) / scale) + zero_point
    return np.clip(steps, limits.min, limits.max).astype(detail["dtype"])


def to_real(value: np.ndarray, detail: dict[str, Any]) -> np.ndarray:
    """The numbers that a tensor of the runtime stands for."""
    scale, zero_point = detail["quantization"]
    if not scale or np.issubdtype(value.dtype, np.floating):
        return value
    return (float(scale) * (value.astype(np.float64) - zero_point)).astype(np.float32)
