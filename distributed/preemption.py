"""Whether this process, or another of its cluster, was told to end."""

import itertools
import os
import signal
import threading
from types import FrameType
from typing import Any

from nnlib.core.compat import preemption_reached

_checks = itertools.count(1)


def begin_checks() -> None:
    """Count from the beginning: processes that come to a cluster anew have not checked yet."""
    global _checks  # noqa: PLW0603  # as the service of jax.distributed that counts them
    _checks = itertools.count(1)


class Preempted(SystemExit):
    """The end of a process which was told to end, as all others were, and has saved its work."""


class PreemptionNotice:
    """Hears SIGTERM; of several processes all hear it at the same check.

    JAX hears it where processes train together, and this object where one is alone.
    """

    def __init__(self) -> None:
        self._told = self._together = False
        self._listening = False
        self._before: Any = None

    def listen(self, together: bool) -> None:
        """From now on SIGTERM ends the process only at a `reached`.

        Args:
            together: whether it trains with others, who ask as often.
        """
        self._told, self._together = False, together
        if not together and threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGTERM, self._hear)
            self._listening = True

    def stop(self) -> None:
        """From now on SIGTERM does what it did before."""
        if self._listening:
            self._listening = False
            signal.signal(signal.SIGTERM, self._before)

    def reached(self) -> bool:
        """Whether to save and end now."""
        if self._together:
            return preemption_reached(next(_checks))
        return self._told

    def _hear(self, number: int, frame: FrameType | None) -> None:
        del frame
        if self._told:  # for the second time: whoever sends it does not want to wait
            self.stop()
            os.kill(os.getpid(), number)
        self._told = True
