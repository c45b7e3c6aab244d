"""Signal-to-noise ratios."""

from __future__ import annotations

import numpy as np

TOP = 200.0  # dB, for no difference at all
_FLOOR = 1e-3  # an output whose elements are all smaller has no signal to lose


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
    exact, rounded = want.astype(np.float64), got.astype(np.float64)
    usable = np.isfinite(exact)
    if not np.isfinite(rounded[usable]).all():
        return -TOP
    signal = np.square(exact[usable]).sum() + _FLOOR**2 * exact.size
    noise = np.square(exact[usable] - rounded[usable]).sum()
    return float(min(TOP, 10.0 * np.log10(signal / noise))) if noise else TOP
