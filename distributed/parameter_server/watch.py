"""Finds processes that stand still, and ends them, so that Ray starts others in their places."""

import importlib
import os
import signal
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from nnlib.core.show_line import show_line

from .session import Session

HEARTBEAT_SECONDS = 30.0
"""A process that answers nothing for so long, and computes nothing, is lost."""
LOOKS = 5
"""So often within that time a process is looked at."""
GROUP = "watch"
"""The group of calls that Ray runs beside the others of an actor."""


class Process(NamedTuple):
    """A process somewhere: its number, when it began, and its node of Ray."""

    number: int
    began: int
    node: str


class Use(NamedTuple):
    """What the kernel says of a process."""

    began: int
    stopped: bool
    ticks: int


def this_process(ray: Any) -> Process:
    """The one that runs this; within an actor."""
    number = os.getpid()
    use = use_of(number)
    return Process(number, use.began if use else 0, ray.get_runtime_context().get_node_id())


def use_of(number: int) -> Use | None:
    """How much a process of this machine has computed; None if there is none, or no /proc.

    >>> import os
    >>> use = use_of(os.getpid())
    >>> use is None or (use.stopped, use.ticks >= 0)
    (False, True)
    """
    try:
        text = Path(f"/proc/{number}/stat").read_text()
    except OSError:
        return None
    state, *fields = text.rpartition(")")[2].split()  # the name before it may hold anything
    return Use(int(fields[18]), state in "Tt", int(fields[10]) + int(fields[11]))


def ended(process: Process, seconds: float) -> bool:
    """End a process of this machine, unless it computes; whether it was ended.

    A function may keep the interpreter to itself for as long as it likes: that is no standstill.

    Args:
        process: which answers nothing.
        seconds: how long it is looked at.
    """
    before = use_of(process.number)
    if before is None or before.began != process.began:  # it died by itself
        return False
    if not before.stopped:
        time.sleep(seconds)
        after = use_of(process.number)
        if after is None or after[:2] != before[:2] or after.ticks > before.ticks:
            return False
    try:
        os.kill(process.number, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


class Watch:
    """A thread that asks all processes for a sign of life, beside what they are doing.

    A process that answers nothing for `seconds` and computes nothing is killed, and nothing else
    is: Ray sees its death, and starts another one. A machine that answers nothing is found by Ray
    itself, which asks its nodes for a sign of life in the same way.

    Args:
        session: the connection to Ray.
        actors: by the names that they are told by.
        seconds: the patience.
    """

    def __init__(self, session: Session, actors: Mapping[str, Any], seconds: float):
        self.seconds = seconds
        self._session, self._actors = session, dict(actors)
        self._asked: dict[str, Any] = {}
        self._known: dict[str, Process] = {}
        self._silent = dict.fromkeys(actors, 0)
        self._stopped = threading.Event()
        threading.Thread(target=self._run, name="nnlib-watch", daemon=True).start()

    def stop(self) -> None:
        """Let the thread end."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.wait(self.seconds / LOOKS) and self._session.lives():
            try:
                for name in self._actors:
                    self._look_at(name)
            except Exception:
                if self._session.lives() and not self._stopped.is_set():
                    raise
        self._actors, self._asked = {}, {}  # nobody else may want them

    def _look_at(self, name: str) -> None:
        """Ask, or see whether there is an answer.

        A look that finds none counts one, however late it comes: this process may have been
        stopped itself.
        """
        ref = self._asked.get(name)
        if ref is not None:
            if not self._session.ray.wait([ref], timeout=0)[0]:
                self._silent[name] += 1
                if self._silent[name] >= LOOKS:
                    self._suspect(name)
                return
            self._note_answer(name, ref)
        calls = self._actors[name].pulse.options(concurrency_group=GROUP, max_task_retries=0)
        self._asked[name] = calls.remote()

    def _note_answer(self, name: str, ref: Any) -> None:
        self._silent[name] = 0
        try:
            self._known[name] = self._session.get(ref)
        except (
            self._session.ray.exceptions.RayError
        ):  # its process died; the next one is on its way
            self._known.pop(name, None)

    def _suspect(self, name: str) -> None:
        process = self._known.get(name)
        self._silent[name] = 0
        if process is not None and self._ended_where_it_is(process):
            self._known.pop(name)
            show_line(
                f"ParameterServerStrategy: {name} (process {process.number}) answered nothing for "
                f"{self.seconds:g} s and was ended; another process takes its place."
            )

    def _ended_where_it_is(self, process: Process) -> bool:
        ray, seconds = self._session.ray, self.seconds / LOOKS
        if process.node == ray.get_runtime_context().get_node_id():
            return ended(process, seconds)
        strategies = importlib.import_module("ray.util.scheduling_strategies")
        there = strategies.NodeAffinitySchedulingStrategy(process.node, soft=False)
        task = ray.remote(num_cpus=0, max_retries=0)(ended).options(scheduling_strategy=there)
        try:
            return bool(self._session.get(task.remote(process, seconds), self.seconds + seconds))
        except ray.exceptions.RayError:  # Ray finds machines that answer nothing by itself
            return False
