"""A sketch of the distribution of a stream of numbers: points, and how many values each stands for.

Two rows of float32, points in ascending order and their weights. Memory is that of `1 / epsilon`
points, however long the stream. The steps are those of Keras, so that the boundaries are too.
"""

import numpy as np


def empty_summary() -> np.ndarray:
    """The sketch of no values."""
    return np.zeros((2, 0), np.float32)


def extended(summary: np.ndarray, values: np.ndarray, epsilon: float) -> np.ndarray:
    """The sketch of what `summary` stands for and of `values` too."""
    joined = np.concatenate([_summary_of(values, epsilon), summary], axis=1)
    return _compressed(joined[:, np.argsort(joined[0])], epsilon)


def quantile_boundaries(summary: np.ndarray, bins: int) -> list[float]:
    """The boundaries between `bins` bins that hold about as many values each."""
    return _compressed(summary, 1.0 / bins)[0, :-1].tolist()


def _summary_of(values: np.ndarray, epsilon: float) -> np.ndarray:
    """Every n-th of the sorted values, for n that leaves about `1 / epsilon` of them."""
    ordered = np.sort(values.astype(np.float32).ravel())
    step = max(ordered.size / (1.0 / epsilon), 1)
    points = ordered[int(step - 1) :: int(step)]
    return np.stack([points, np.full_like(points, step)])


def _compressed(summary: np.ndarray, epsilon: float) -> np.ndarray:
    """The sketch at `1 / epsilon` equal shares of the total weight, points interpolated."""
    if summary.shape[1] * epsilon < 1:
        return summary
    shares = epsilon + np.arange(0.0, 1.0, epsilon)
    total = summary[1].cumsum()
    reached = total / total[-1]
    points = np.interp(shares, reached, summary[0])
    weights = np.diff(np.interp(shares, reached, total), prepend=0.0)
    return np.stack([points, weights]).astype(np.float32)
