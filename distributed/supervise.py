"""Runs a gang until it is done: again from the start, if one of its processes dies."""

import contextlib
import os
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from nnlib.core.errors import ArgumentError

from .gang import Gang
from .reforming_gang import ReformingGang

GRACE_SECONDS = 30.0
"""How long workers may take to save their work once they are told to end."""
PEER_SECONDS = 2.0
"""How long the others may take to fail by themselves once one has, so that their logs say why."""
_LISTEN_SECONDS = 0.2


@dataclass(frozen=True)
class Outcome:
    """How a gang ended."""

    exits: list[int | None]
    """The exit code of each worker in its last attempt: negative after a signal, None where it
    was ended because another had failed, or time was up."""
    attempts: int
    told: bool = False
    """Whether it was told to end."""
    late: bool = False
    """Whether its time was up."""

    @property
    def good(self) -> bool:
        """Whether all workers ended well."""
        return not any(code != 0 for code in self.exits)

    @property
    def code(self) -> int:
        """One exit code for all: 0, or that of a worker that failed, 128 + n after signal n."""
        failed = [code for code in self.exits if code]
        return 0 if self.good else next((c if c > 0 else 128 - c for c in failed), 1)


def supervise(
    command: Sequence[str],
    count: int,
    *,
    restarts: int = 0,
    reform: bool = False,
    log_dir: Path | None = None,
    environment: dict[str, str] | None = None,
    grace_seconds: float = GRACE_SECONDS,
    seconds: float = float("inf"),
    told: Callable[[], int] = lambda: 0,
    say: Callable[[str], None] = lambda text: None,
) -> Outcome:
    """Run a command as a gang of workers; nothing of it is left when this returns or raises.

    When a worker fails, those left get a moment to fail as well, and are ended. All start anew,
    on other ports, up to `restarts` times. NNLIB_ATTEMPT counts the attempts from 1.

    Args:
        command: the program and its arguments.
        count: how many workers.
        restarts: how often they start anew.
        reform: whether, where another than the first worker is lost, that one alone starts anew.
            The others are told (see `reentered`), and go on; each time is one of `restarts`.
        log_dir: for a log of each worker; None to print what they print.
        environment: further variables.
        grace_seconds: how long workers may take to end once they are told to.
        seconds: how long each attempt may take.
        told: asked several times a second how often this process was told to end. Then the workers
            are (SIGTERM); if it was told again they are not waited for.
        say: is told what happens.
    """
    watch = _Watch(restarts + 1, grace_seconds, seconds, told, say)
    attempt = 1
    while True:
        variables = {**(environment or {}), "NNLIB_ATTEMPT": str(attempt)}
        with (
            ReformingGang(command, count, log_dir, variables, attempt)
            if reform
            else Gang(command, count, log_dir, variables)
        ) as gang:
            outcome = watch.outcome(gang, attempt)
        if outcome.good or outcome.told or outcome.late:
            return outcome
        attempt = outcome.attempts + 1
        if attempt > watch.attempts:
            say(_text(outcome.exits))
            return outcome
        say(f"{_text(outcome.exits)}; all start anew, attempt {attempt} of {watch.attempts}")


@dataclass(frozen=True)
class _Watch:
    """Waits for gangs; see `supervise`."""

    attempts: int
    grace: float
    seconds: float
    told: Callable[[], int]
    say: Callable[[str], None]

    def outcome(self, gang: Gang, attempt: int) -> Outcome:
        """How a gang ends that begins with an attempt."""
        left = self.seconds
        while left > 0:
            step = min(_LISTEN_SECONDS, left)
            left -= step
            exits = gang.wait(step)
            if None not in exits and not any(exits):
                return Outcome(exits, attempt)
            if self.told():
                self.say(f"told to end; the workers have {self.grace:g} s to save their work")
                exits = gang.terminate(self.grace, lambda: self.told() > 1)
                return Outcome(exits, attempt, told=True)
            if any(exits):
                if attempt == self.attempts or not gang.mend(attempt + 1, PEER_SECONDS):
                    return Outcome(gang.settle(PEER_SECONDS), attempt)
                attempt, left = attempt + 1, self.seconds
                lost = ", ".join(f"worker {i}: exit code {c}" for i, c in enumerate(exits) if c)
                self.say(f"{lost}; replaced, attempt {attempt} of {self.attempts}")
        return Outcome(gang.exits(), attempt, late=True)


def _text(exits: list[int | None]) -> str:
    codes = ["was ended" if code is None else f"exit code {code}" for code in exits]
    return ", ".join(f"worker {index}: {text}" for index, text in enumerate(codes))


@contextlib.contextmanager
def noted(*numbers: signal.Signals) -> Iterator[list[int]]:
    """Within the block signals are noted in this list, in place of what they do by default.

    Handlers that the program has made stay, and signals that it ignores are ignored; only the main
    thread hears signals.
    """
    told: list[int] = []
    defaults = (signal.SIG_DFL, signal.default_int_handler)
    main = threading.current_thread() is threading.main_thread()
    before = {n: signal.getsignal(n) for n in numbers if main and signal.getsignal(n) in defaults}
    for number in before:
        signal.signal(number, lambda n, _: told.append(n))
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def check_restarts(place: str, restarts: int, reform: bool) -> None:
    """Refuse what is no number of times, and to replace lost workers never.

    Raises:
        ArgumentError: saying how to.
    """
    if not isinstance(restarts, int) or restarts < 0:
        raise ArgumentError(
            f"{place}: expected restarts as an integer from 0 on, got {restarts!r}."
        )
    if reform and restarts < 1:
        raise ArgumentError(
            f"{place}: expected restarts of at least 1 with reform, which replaces so many lost "
            f"workers, got {restarts}."
        )


def check_log_dir(place: str, log_dir: Path) -> None:
    """Make the folder of logs.

    Raises:
        ArgumentError: if nothing can be written there.
    """
    try:
        log_dir.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=log_dir).close()
    except OSError as error:
        raise ArgumentError(
            f"{place}: expected a folder for logs that can be written to, got {log_dir}: "
            f"{error.strerror}."
        ) from error


def cpu_environment(devices: int | None) -> dict[str, str]:
    """Variables that give each worker so many virtual CPU devices; none for None."""
    if devices is None:
        return {}
    flags = os.environ.get("XLA_FLAGS", "").split()
    kept = [flag for flag in flags if "force_host_platform_device_count" not in flag]
    return {
        "JAX_PLATFORMS": "cpu",
        "JAX_NUM_CPU_DEVICES": str(devices),
        "XLA_FLAGS": " ".join(kept),
    }
