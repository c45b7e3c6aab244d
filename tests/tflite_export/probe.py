"""What the rows of the probe share: specs, and the shape of a row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from nnlib.tflite_export import TensorSpec

X = TensorSpec((None, 6))
Y = TensorSpec((None, 6))
FIXED = TensorSpec((4, 6))
VECTOR = TensorSpec((8,))
CUBE = TensorSpec((None, 4, 6))
IMAGE = TensorSpec((None, 6, 8, 3))
INTS = TensorSpec((None, 6), np.int32)
BOOLS = TensorSpec((None, 6), np.bool_)
INDEX = TensorSpec((1,), np.int32)
INDICES = TensorSpec((3,), np.int32)


def row(name: str, fn: Any, *specs: TensorSpec, **options: Any) -> Any:
    """One function of the probe: its specs (`X` by default) and options for `check`."""
    return pytest.param(fn, specs or (X,), {"sizes": (3,), **options}, id=name)


def positive(x: np.ndarray) -> np.ndarray:
    """Numbers above 0.1."""
    return np.abs(x) + np.asarray(0.1, x.dtype)


def unit(x: np.ndarray) -> np.ndarray:
    """Numbers between -0.95 and 0.95."""
    return np.clip(x / 3, -0.95, 0.95)


def wide(x: np.ndarray) -> np.ndarray:
    """Numbers of about 5."""
    return x * 5


def ties(x: np.ndarray) -> np.ndarray:
    """Numbers that occur more than once, without zeros of two signs."""
    return np.round(x) + 0


def integers(x: np.ndarray) -> np.ndarray:
    """Floats stay; integers between -5 and 5, many of them twice."""
    if x.dtype != np.int32:
        return x
    return (np.arange(x.size).reshape(x.shape) * 7 % 11 - 5).astype(np.int32)


def specials(x: np.ndarray) -> np.ndarray:
    """Numbers with NaN, infinities and zeros of both signs among them."""
    flat = np.array(x).reshape(-1)
    flat[:5] = [np.nan, np.inf, -np.inf, -0.0, 0.0]
    return flat.reshape(x.shape)
