"""How the integers of a tensor stand for real numbers: real = scale * (stored - zero_point)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike


@dataclass(frozen=True, eq=False)
class Quantisation:
    """Scales and zero points of a tensor: one of each, or one for each index of `axis`.

    Args:
        scale: float32 vector.
        zero_point: int64 vector of the same length.
        axis: the axis that a longer vector runs along.

    Example:
        >>> q = per_tensor(0.5, 10)
        >>> q.dequantise(np.int8([10, 12])).tolist()
        [0.0, 1.0]
    """

    scale: np.ndarray
    zero_point: np.ndarray
    axis: int = 0

    @property
    def key(self) -> tuple[bytes, bytes, int]:
        """Equal for equal parameters."""
        return self.scale.tobytes(), self.zero_point.tobytes(), self.axis

    def quantise(self, values: np.ndarray, dtype: DTypeLike) -> np.ndarray:
        """The nearest integers of `dtype`, clipped to what it holds."""
        limits = np.iinfo(np.dtype(dtype))
        scale, zero_point = self._along(values.ndim)
        steps = np.rint(values.astype(np.float64) / scale) + zero_point
        return np.clip(steps, limits.min, limits.max).astype(dtype)

    def dequantise(self, stored: np.ndarray) -> np.ndarray:
        """The float32 numbers that integers stand for."""
        scale, zero_point = self._along(stored.ndim)
        return (scale * (stored.astype(np.float64) - zero_point)).astype(np.float32)

    def _along(self, rank: int) -> tuple[np.ndarray, np.ndarray]:
        shape = [1] * rank
        if self.scale.size > 1:
            shape[self.axis] = self.scale.size
        return self.scale.astype(np.float64).reshape(shape), self.zero_point.reshape(shape)


def per_tensor(scale: float, zero_point: int) -> Quantisation:
    """One scale and one zero point for the whole tensor."""
    return Quantisation(np.array([scale], np.float32), np.array([zero_point], np.int64))
