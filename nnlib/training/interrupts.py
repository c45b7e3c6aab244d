"""Ctrl-C at a moment when nothing is lost by it, and never in vain."""

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any


@contextlib.contextmanager
def interrupts_deferred() -> Iterator[None]:
    """Hold back KeyboardInterrupt until the end of the block, and raise it there.

    A step takes the arrays that it is given for its own use. An interrupt between the step and the
    assignment of its result would leave a model without weights.

    Only the main thread is ever interrupted; handlers that are not Python's own stay in place.
    """
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    interrupted = False

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal interrupted
        interrupted = True

    signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if interrupted:
        raise KeyboardInterrupt


class LostInterrupts:
    """Within the block, notes each KeyboardInterrupt that Python drops.

    Where Ctrl-C comes while a weak reference or the garbage collector calls back, nobody can catch
    the exception: Python shows it and goes on. It is raised at the end of the block, or before
    where `raise_any` is called. Other threads are never interrupted: there it does nothing.
    """

    def __init__(self) -> None:
        self.found = False

    def __enter__(self) -> None:
        self.found = False
        self._report = sys.unraisablehook
        if threading.current_thread() is threading.main_thread():
            sys.unraisablehook = self._note

    def __exit__(self, kind: Any, *_: object) -> None:
        if sys.unraisablehook == self._note:
            sys.unraisablehook = self._report
        if kind is None:
            self.raise_any()

    def _note(self, dropped: Any) -> None:
        if dropped.exc_type is KeyboardInterrupt:
            self.found = True
        else:
            self._report(dropped)

    def raise_any(self) -> None:
        """Raise KeyboardInterrupt if one was dropped."""
        if self.found:
            raise KeyboardInterrupt
