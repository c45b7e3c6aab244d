"""What this process is in the generation that it belongs to, under a supervisor that re-forms."""

import contextlib
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

from .broken_links import cut_links
from .generation import FOLDER, Generation, mark, newest, tf_config

_POLL_SECONDS = 0.02
_own: "OwnGeneration | None" = None


class OwnGeneration:
    """A worker of the newest generation; from now on TF_CONFIG of this process says so.

    Args:
        folder: see `generation`.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.generation: Generation = newest(folder)
        self.index: int = json.loads(os.environ["TF_CONFIG"])["task"]["index"]
        os.environ["TF_CONFIG"] = tf_config(self.generation.addresses, self.index)
        os.environ["NNLIB_ATTEMPT"] = str(self.generation.attempt)

    @property
    def number(self) -> int:
        """Of the generation."""
        return self.generation.number

    def note(self, what: str) -> None:
        """Let the others know that this process has "joined", "left" or "failed"."""
        mark(self.folder, what, self.number, self.index).write_text(str(os.getpid()))

    def has(self, what: str) -> bool:
        """Whether this process has noted it."""
        return mark(self.folder, what, self.number, self.index).exists()

    def give_up(self) -> None:
        """Let nobody wait for this process any more."""
        pids = []
        for index in range(len(self.generation.since)):
            with contextlib.suppress(OSError, ValueError):
                pids.append(int(mark(self.folder, "joined", self.number, index).read_text()))
        port = int(self.generation.addresses[0].rpartition(":")[2])
        cut_links([pid for pid in pids if pid != os.getpid()], port)

    def is_followed(self, seconds: float = 0.0) -> bool:
        """Whether another generation is announced, now or before some seconds are over."""
        return _waited(lambda: newest(self.folder).number != self.number, seconds)

    def others_left(self, seconds: float) -> bool:
        """Whether all others have left, or were lost, before some seconds are over."""
        return _waited(self._is_last, seconds)

    def _is_last(self) -> bool:
        return all(
            since > self.number or mark(self.folder, "left", self.number, index).exists()
            for index, since in enumerate(newest(self.folder).since)
            if index != self.index
        )


def enter() -> OwnGeneration | None:
    """Belong to the newest generation from now on; None where nothing re-forms."""
    global _own  # noqa: PLW0603  # as jax.distributed, once a process
    folder = os.environ.get(FOLDER)
    _own = None if folder is None else OwnGeneration(Path(folder))
    return _own


def own() -> OwnGeneration | None:
    """What was entered last."""
    return _own


def _waited(condition: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= end:
            return False
        time.sleep(_POLL_SECONDS)
    return True
