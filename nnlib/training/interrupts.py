"""Ctrl-C at a moment when nothing is lost by it."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType


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
