"""Rows in random order, cut into a training and a test part."""

from typing import Any

import numpy as np

from nnlib.core.errors import ArgumentError

Part = tuple[Any, Any]
Split = tuple[Part, Part]
"""(x_train, y_train), (x_test, y_test)."""


def check_test_split(place: str, test_split: float) -> None:
    """Refuses a fraction outside of [0, 1)."""
    if not 0 <= test_split < 1:
        raise ArgumentError(
            f"{place}: expected test_split of at least 0 and below 1, got {test_split!r}."
        )


def shuffled(rng: np.random.RandomState, x: Any, y: Any) -> Part:
    """Both in one random order."""
    order = np.arange(len(x))
    rng.shuffle(order)
    return x[order], y[order]


def cut(x: Any, y: Any, test_split: float) -> Split:
    """The first rows for training, the last `test_split` of them for tests."""
    at = int(len(x) * (1 - test_split))
    return (x[:at], y[:at]), (x[at:], y[at:])
