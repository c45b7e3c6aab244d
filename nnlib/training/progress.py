"""The progress bar: one that behaves in a terminal, in a notebook, and in a log file."""

import importlib
import sys
import time
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from nnlib.core.settings import is_interactive_logging_enabled
from nnlib.core.show_line import in_notebook, show_line
from nnlib.training.callback import Callback, Logs


def resolve_verbose(verbose: Any) -> int:
    """0, 1 or 2; "auto" is a bar where someone is watching and a line per epoch in a log."""
    if verbose == "auto":
        return 1 if sys.stdout.isatty() or in_notebook() else 2
    return int(verbose)


def format_logs(logs: Logs | None) -> str:
    """`loss: 0.1234 - accuracy: 0.9710`."""
    parts = []
    for name, value in (logs or {}).items():
        number = float(np.mean(value))  # some metrics have several values
        text = f"{number:.4f}" if number == 0 or 1e-3 <= abs(number) < 1e5 else f"{number:.4e}"
        parts.append(f"{name}: {text}")
    return " - ".join(parts)


class ProgbarLogger(Callback):
    """Shows how training goes.

    In a terminal a bar moves; a notebook cell keeps one line per epoch up to date; anything else,
    a log file say, gets one finished line per epoch and no control characters. After
    `nn.config.disable_interactive_logging()` those lines go to the logger "nnlib".

    Args:
        verbose: 1 for the bar, 2 for a line per epoch.
    """

    def __init__(self, verbose: int = 1):
        self.verbose = verbose
        self._view: _Lines | None = None

    @property
    def moves(self) -> bool:
        """Whether it shows something before an epoch is done."""
        watched = sys.stdout.isatty() or in_notebook()
        return self.verbose == 1 and watched and is_interactive_logging_enabled()

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Begin a line."""
        title = f"Epoch {epoch + 1}/{self.params.get('epochs', '?')}"
        self._view = _view(self.verbose, title, self.params.get("steps"))

    def show(self, done: int, logs: Logs) -> None:
        """Move to `done` batches; called by `fit` whenever new numbers are there anyway."""
        if self._view is not None:
            self._view.move(done, format_logs(logs))

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Finish the line."""
        if self._view is not None:
            self._view.finish(format_logs(logs))
            self._view = None

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Leave the terminal as it was, also after an interrupt."""
        if self._view is not None:
            self._view.finish("")
            self._view = None


class _Lines:
    """One finished line."""

    def __init__(self, title: str, total: int | None):
        self.title, self.total = title, total
        self.began = time.perf_counter()

    def move(self, done: int, text: str) -> None:
        pass

    def finish(self, text: str) -> None:
        show_line(self.line(self.total, text))

    def line(self, done: int | None, text: str) -> str:
        steps = "" if self.total is None else f" - {done}/{self.total}"
        seconds = time.perf_counter() - self.began
        return f"{self.title}{steps} - {seconds:.1f}s" + (f" - {text}" if text else "")


class _NotebookLine(_Lines):
    """One line of a cell, replaced as it changes."""

    def __init__(self, title: str, total: int | None):
        super().__init__(title, total)
        display = importlib.import_module("IPython.display").display
        self._handle = display({"text/plain": title}, raw=True, display_id=True)

    def move(self, done: int, text: str) -> None:
        self._handle.update({"text/plain": self.line(done, text)}, raw=True)

    def finish(self, text: str) -> None:
        self.move(self.total or 0, text)


class _TerminalBar(_Lines):
    """A moving bar that leaves its last state behind."""

    def __init__(self, title: str, total: int | None):
        super().__init__(title, total)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[logs]}"),
            console=Console(),
        )
        self._task = self._progress.add_task(title, total=total, logs="")
        self._progress.start()

    def move(self, done: int, text: str) -> None:
        self._progress.update(self._task, completed=done, logs=text)

    def finish(self, text: str) -> None:
        if text:
            self._progress.update(self._task, completed=self.total, logs=text)
        self._progress.stop()


def _view(verbose: int, title: str, total: int | None) -> _Lines:
    if not is_interactive_logging_enabled():
        return _Lines(title, total)
    if verbose == 1 and sys.stdout.isatty():
        return _TerminalBar(title, total)
    if verbose == 1 and in_notebook():
        return _NotebookLine(title, total)
    return _Lines(title, total)
