"""Which of two values of a log is better."""

import operator
import warnings
from collections.abc import Callable

from nnlib.core.errors import ArgumentError
from nnlib.training.callback import Logs

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


class Monitor:
    """The best value of a log so far.

    Args:
        place: the callback, for texts.
        monitor: the name of the log.
        mode: "min", "max", or "auto" by the name of the log.
        min_delta: a value counts as better only if it is so by more than this.
    """

    def __init__(self, place: str, monitor: str, mode: str, min_delta: float = 0.0):
        self.place, self.monitor = place, monitor
        self._better = better(monitor, mode)
        self._margin = abs(min_delta) if self._better is operator.gt else -abs(min_delta)
        self.best: float | None = None

    def value(self, logs: Logs | None) -> float | None:
        """The value in these logs; None, with a warning, if it is not among them."""
        if self.monitor not in (logs or {}):
            known = ", ".join(logs or {}) or "none"
            warnings.warn(
                f"{self.place}: expected the log {self.monitor!r}, got only {known}. Pass "
                "validation_data, or monitor one of these.",
                stacklevel=3,
            )
            return None
        return float((logs or {})[self.monitor])

    def improves(self, value: float, on: float | None) -> bool:
        """Whether `value` is better than `on`; anything is better than None."""
        return on is None or self._better(value - self._margin, on)
