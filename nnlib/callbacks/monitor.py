"""Which of two values of a log is better."""

import operator
from collections.abc import Callable

from nnlib.core.errors import ArgumentError

_HIGHER_IS_BETTER = ("acc", "auc", "precision", "recall", "fmeasure", "f1", "r2", "iou")


def better(monitor: str, mode: str) -> Callable[[float, float], bool]:
    """`f(new, old)`: whether the new value is better.

    Args:
        monitor: the name of the log.
        mode: "min", "max", or "auto": higher is better for accuracies and their like.

    >>> better("val_accuracy", "auto")(0.9, 0.8)
    True
    """
    if mode not in ("auto", "min", "max"):
        raise ArgumentError(f"mode: expected 'auto', 'min' or 'max', got {mode!r}.")
    if mode == "auto":
        mode = "max" if any(word in monitor for word in _HIGHER_IS_BETTER) else "min"
    return operator.gt if mode == "max" else operator.lt
