"""Ranges of values, and the integers that cover them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..quantisation import Quantisation, per_tensor
from .options import Calibration

BINS = 2048  # of a histogram
_ZERO_SCALE = 1 / 256  # of values that are all 0
_CANDIDATES = 100  # ranges that "mse" tries


@dataclass(frozen=True)
class Range:
    """Least and largest value.

    Example:
        >>> Range(-1.0, 2.0).union(Range(0.0, 3.0))
        Range(low=-1.0, high=3.0)
    """

    low: float
    high: float

    def union(self, other: Range | None) -> Range:
        """The least range that covers both."""
        if other is None:
            return self
        return Range(min(self.low, other.low), max(self.high, other.high))

    def int8(self) -> Quantisation:
        """256 steps over the range and 0, which is one of them exactly."""
        low, high = min(self.low, 0.0), max(self.high, 0.0)
        scale = float(np.float32((high - low) / 255.0))
        if scale < np.finfo(np.float32).tiny:
            return per_tensor(_ZERO_SCALE, 0)
        zero_point = int(np.clip(np.rint(-128.0 - low / scale), -128, 127))
        return per_tensor(scale, zero_point)

    def int16(self) -> Quantisation:
        """The same number of steps on either side of 0, as int16 kernels demand."""
        top = max(-self.low, self.high)
        scale = float(np.float32(top / 32767.0))
        return per_tensor(scale if scale >= np.finfo(np.float32).tiny else _ZERO_SCALE, 0)


def finite_range(values: np.ndarray) -> Range | None:
    """The range of the finite elements, None if there are none."""
    if not values.size:
        return None
    low, high = float(values.min()), float(values.max())
    if np.isfinite(low) and np.isfinite(high):  # NaN would show in either
        return Range(low, high)
    finite = values[np.isfinite(values)]
    return Range(float(finite.min()), float(finite.max())) if finite.size else None


class Histogram:
    """Counts of the values inside a range."""

    def __init__(self, bounds: Range) -> None:
        self._bounds = bounds
        self._counts = np.zeros(BINS, np.int64)

    def add(self, values: np.ndarray) -> None:
        """Count the finite ones of some values."""
        limits = (self._bounds.low, self._bounds.high)
        if limits[0] < limits[1]:
            self._counts += np.histogram(values[np.isfinite(values)], BINS, limits)[0]

    def add_counts(self, counts: np.ndarray) -> None:
        """Add how often values lay in each of the equal parts of the range."""
        self._counts += counts

    def choose(self, method: Calibration) -> Range:
        """The range that "percentile" or "mse" asks for."""
        if not self._counts.any():
            return self._bounds
        return self._percentile(method.percentile) if method.method == "percentile" else self._mse()

    def _edges(self) -> np.ndarray:
        return np.linspace(self._bounds.low, self._bounds.high, BINS + 1)

    def _percentile(self, percentile: float) -> Range:
        share = np.cumsum(self._counts) / self._counts.sum()
        outside = 1.0 - percentile / 100.0
        edges = self._edges()
        low = edges[int(np.searchsorted(share, outside, side="right"))]
        high = edges[min(int(np.searchsorted(share, 1.0 - outside)), BINS - 1) + 1]
        return Range(float(low), float(high))

    def _mse(self) -> Range:
        """The part of the range whose 255 steps have the least squared error over all values."""
        edges = self._edges()
        values = (edges[1:] + edges[:-1]) / 2
        best, least = self._bounds, np.inf
        for fraction in np.linspace(0.2, 1.0, _CANDIDATES)[::-1]:
            part = Range(float(self._bounds.low * fraction), float(self._bounds.high * fraction))
            q = part.int8()
            error = q.dequantise(q.quantise(values, np.int8)) - values
            total = float((self._counts * np.square(error)).sum())
            if total < least:
                best, least = part, total
        return best
