"""The end of a process that failed: it does not wait for others who wait for it."""

import atexit
import contextlib
import functools
import os
import sys
import threading
import time
from types import TracebackType

LEAVE_SECONDS = 5.0
"""How long a process that failed waits for the others, who may have failed as well."""
_leaving = threading.Event()


@functools.cache  # once a process, however often it joins others
def watch() -> None:
    """From now on an error that nobody catches ends this process within seconds.

    JAX lets a process wait at its end until all others are at theirs. Those may be in a collective
    with it, so that all would stand still until that times out, whatever is wrong.
    """
    show = sys.excepthook

    def note(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        show(kind, error, trace)
        end_soon(130 if issubclass(kind, KeyboardInterrupt) else 1)

    sys.excepthook = note
    atexit.register(_leaving.set)  # before JAX leaves: what registers last is called first


def end_soon(code: int) -> None:
    """Let this process end with a code some seconds after its end began, whoever it waits for."""

    def end() -> None:
        _leaving.wait()
        time.sleep(LEAVE_SECONDS)
        text = (
            f"nnlib: this process failed, and ends without the others after {LEAVE_SECONDS:.0f} s"
        )
        with contextlib.suppress(OSError, ValueError):
            print(text, file=sys.stderr, flush=True)
            sys.stdout.flush()
        os._exit(code)

    threading.Thread(target=end, name="nnlib-end", daemon=True).start()
