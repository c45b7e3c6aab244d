"""Signal-to-noise ratios."""

from __future__ import annotations

import numpy as np

TOP = 200.0  # dB, for no difference at all
_FLOOR = 1e-6  # an output whose elements are all smaller has no signal to lose


class SignalToNoise:
    """The ratio over several arrays, of which only finite exact values count.

    Example:
        >>> ratio = SignalToNoise()
        >>> ratio.add(np.ones(4), np.full(4, 0.9))
        >>> round(ratio.decibels, 3)
        20.0
    """

    def __init__(self) -> None:
        self._signal = self._noise = 0.0
        self._size = 0

    def add(self, want: np.ndarray, got: np.ndarray) -> None:
        """Count exact values, and rounded ones of the same shape."""
        exact, rounded = want.astype(np.float64), got.astype(np.float64)
        usable = np.isfinite(exact)
        self._size += exact.size
        self._signal += float(np.square(exact[usable]).sum())
        self._noise += float(np.square(exact[usable] - rounded[usable]).sum())

    @property
    def decibels(self) -> float:
        """10 log10(signal energy / noise energy), from -200 to 200."""
        if not np.isfinite(self._noise):
            return -TOP
        if not self._noise:
            return TOP
        signal = self._signal + _FLOOR**2 * self._size
        return float(np.clip(10.0 * np.log10(signal / self._noise), -TOP, TOP))


def snr(want: np.ndarray, got: np.ndarray) -> float:
    """Signal-to-noise ratio in decibels.

    Args:
        want: exact values.
        got: rounded ones, of the same shape.

    Returns:
        10 log10(signal energy / noise energy), at most 200.

    Example:
        >>> round(snr(np.ones(4), np.full(4, 0.9)), 3)
        20.0
    """
    ratio = SignalToNoise()
    ratio.add(want, got)
    return ratio.decibels
