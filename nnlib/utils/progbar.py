"""A progress bar for loops of one's own."""

import math
import sys
import time
from collections.abc import Iterable
from typing import Any

import numpy as np

from nnlib.core.errors import ArgumentError
from nnlib.core.show_line import in_notebook


class Progbar:
    """A line that shows how far a loop is, how long a step takes, and means of values.

    In a terminal and in a notebook the line moves; in a file there is one line at the end.

    Args:
        target: the number of steps; None if not known.
        width: of the bar, in characters.
        verbose: 1 for the line, 2 for one without bar at the end, 0 for nothing.
        interval: seconds between two changes of the line, at least.
        stateful_metrics: names of values that are shown as they are; all others are averaged over
            the steps.
        stateless_metrics: the other way round: names of values that are averaged.
        unit_name: what is counted.

    Raises:
        ArgumentError: if both kinds of names are given.

    >>> import nnlib as nn
    >>> bar = nn.utils.Progbar(4, verbose=2)
    >>> for step in range(3):
    ...     bar.add(1, values=[("loss", step)])
    >>> bar.add(1)
    4/4 - 0s - ...s/step - loss: 1.0000
    """

    def __init__(
        self,
        target: int | None,
        width: int = 20,
        verbose: int = 1,
        interval: float = 0.05,
        stateful_metrics: Iterable[str] | None = None,
        stateless_metrics: Iterable[str] | None = None,
        unit_name: str = "step",
    ):
        if stateful_metrics is not None and stateless_metrics is not None:
            raise ArgumentError(
                "Progbar: expected stateful_metrics or stateless_metrics, got both."
            )
        self.target, self.width, self.verbose = target, width, verbose
        self.interval, self.unit_name = interval, unit_name
        self.stateful_metrics = None if stateful_metrics is None else set(stateful_metrics)
        self.stateless_metrics = None if stateless_metrics is None else set(stateless_metrics)
        self._sums: dict[str, tuple[float, float]] = {}
        self._seen = 0
        self._began = time.perf_counter()
        self._first_done: float | None = None
        self._shown, self._length = -math.inf, 0

    def add(self, n: int, values: Iterable[tuple[str, Any]] | None = None) -> None:
        """`n` more steps are done."""
        self.update(self._seen + n, values)

    def update(
        self,
        current: int,
        values: Iterable[tuple[str, Any]] | None = None,
        finalize: bool | None = None,
    ) -> None:
        """`current` steps are done.

        Args:
            current: the number of steps.
            values: (name, value of the steps since the last time).
            finalize: whether this is the last time, whose values are shown as they are; None for
                when the target is reached.
        """
        if finalize is None:
            finalize = self.target is not None and current >= self.target
        for name, value in values or ():
            self._count(name, float(np.mean(value)), max(current - self._seen, 1), finalize)
        self._seen = current
        now = time.perf_counter()
        if self._first_done is None and current >= 1:
            self._first_done = now
        if self.verbose == 1:
            self._show(now, finalize)
        elif self.verbose == 2 and finalize:
            print(f"{self._steps()} - {now - self._began:.0f}s{self._tail(now)}", flush=True)

    def _count(self, name: str, value: float, steps: int, finalize: bool) -> None:
        averaged = name not in (self.stateful_metrics or ())
        if self.stateless_metrics is not None:
            averaged = name in self.stateless_metrics
        fresh = finalize or not averaged
        total, weight = (0.0, 0.0) if fresh else self._sums.get(name, (0.0, 0.0))
        self._sums[name] = (total + value * steps, weight + steps)

    def _show(self, now: float, finalize: bool) -> None:
        moves = _moves()
        if not finalize and (not moves or now - self._shown < self.interval):
            return
        self._shown = now
        seconds = now - self._began
        if self.target and not finalize:
            seconds = self._step_time(now) * (self.target - self._seen)
        text = f"{self._steps()} {self._bar()}{_clock(seconds)}{self._tail(now)}"
        gap = " " * max(0, self._length - len(text))
        self._length = len(text)
        print(f"\r{text}{gap}" if moves else text, end="\n" if finalize else "", flush=True)

    def _steps(self) -> str:
        if not self.target:
            return f"{self._seen}/Unknown"
        return f"{self._seen:{len(str(self.target))}d}/{self.target}"

    def _bar(self) -> str:
        if not self.target:
            return ""
        done = min(self.width, self.width * self._seen // self.target)
        return "━" * done + "╌" * (self.width - done) + " "

    def _tail(self, now: float) -> str:
        step = self._step_time(now)
        scale, unit = next(
            ((s, u) for s, u in ((1, "s"), (1e3, "ms")) if step * s >= 1), (1e6, "us")
        )
        parts = [f"{step * scale:.0f}{unit}/{self.unit_name}"]
        for name, (total, weight) in self._sums.items():
            mean = total / weight
            parts.append(f"{name}: {mean:.4f}" if abs(mean) > 1e-3 else f"{name}: {mean:.4e}")
        return "".join(f" - {part}" for part in parts)

    def _step_time(self, now: float) -> float:
        """Seconds per step; without the first one, which may compile, where there are others."""
        if self._first_done is not None and self._seen > 1:
            return (now - self._first_done) / (self._seen - 1)
        return (now - self._began) / max(self._seen, 1)


def _moves() -> bool:
    """Whether a line can be written over: in a terminal or a notebook."""
    return sys.stdout.isatty() or in_notebook()


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02d}:{rest:02d}"
    return f"{minutes}:{rest:02d}" if minutes else f"{rest}s"
