"""Gang: processes of this machine that make up a cluster, and live and die together."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from .generation import FOLDER, tf_config

_CHILD = str(Path(__file__).with_name("child.py"))
_POLL_SECONDS = 0.05
_TAIL_BYTES = 20_000
_OF_OTHERS = ("JAX_COORDINATOR_BIND_ADDRESS", FOLDER)
"""Variables of a cluster that this process is in itself."""


class Gang:
    """Starts a command several times, each as one worker of a cluster on the loopback interface.

    TF_CONFIG of each says the cluster and which worker it is. All end with this process, however
    it ends (Linux).

    Args:
        command: the program and its arguments.
        count: how many workers.
        log_dir: where each writes `worker-N.log`, behind what is there; None to print it here.
        environment: variables in place of those of this process.
    """

    def __init__(
        self,
        command: Sequence[str],
        count: int,
        log_dir: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ):
        self.command, self.count, self.log_dir = list(command), count, log_dir
        own = {name: value for name, value in os.environ.items() if name not in _OF_OTHERS}
        self.environment = own | dict(environment or {})
        self.addresses = addresses_here(count)
        self.processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> "Gang":
        try:
            for index in range(self.count):
                self.processes.append(self._start(index))
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.kill()

    def _start(self, index: int) -> "subprocess.Popen[bytes]":
        config = tf_config(self.addresses, index)
        with contextlib.ExitStack() as files:
            log = None
            if self.log_dir is not None:
                self.log_dir.mkdir(parents=True, exist_ok=True)
                log = files.enter_context(self.log(index).open("ab"))
            return subprocess.Popen(
                [sys.executable, "-I", "-S", _CHILD, str(os.getpid()), *self.command],
                env=self.environment | {"TF_CONFIG": config},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=None if log is None else subprocess.STDOUT,
                start_new_session=True,
            )

    def log(self, index: int) -> Path:
        """The file that a worker writes what it prints to."""
        assert self.log_dir is not None
        return self.log_dir / f"worker-{index}.log"

    def exits(self) -> list[int | None]:
        """The exit code of each that has ended: negative after a signal."""
        return [process.poll() for process in self.processes]

    def wait(self, seconds: float) -> list[int | None]:
        """Wait until all have ended, one has failed, or time is up."""
        end = time.monotonic() + seconds
        while True:
            exits = self.exits()
            done = None not in exits or any(exits)
            if done or time.monotonic() >= end:
                return exits
            time.sleep(min(_POLL_SECONDS, max(0.0, end - time.monotonic())))

    def settle(
        self, seconds: float, in_a_hurry: Callable[[], bool] = lambda: False
    ) -> list[int | None]:
        """Wait until all have ended, or time is up."""
        end = time.monotonic() + seconds
        while None in self.exits() and time.monotonic() < end and not in_a_hurry():
            time.sleep(_POLL_SECONDS)
        return self.exits()

    def terminate(
        self, grace_seconds: float, in_a_hurry: Callable[[], bool] = lambda: False
    ) -> list[int | None]:
        """Tell all to end (SIGTERM), give them time, and end those that do not."""
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        exits = self.settle(grace_seconds, in_a_hurry)
        self.kill()
        return exits if None not in exits else self.exits()

    def mend(self, attempt: int, settle_seconds: float) -> bool:
        """Whether those that are left go on after a loss, as attempt number `attempt`: never."""
        del attempt, settle_seconds
        return False

    def kill(self) -> None:
        """End all that is left of them, and of what they started."""
        for process in self.processes:
            end_group(process)


def end_group(process: "subprocess.Popen[bytes]") -> None:
    """End a process, and what it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def addresses_here(count: int) -> list[str]:
    """Addresses of the loopback interface that nobody listens at now."""
    with contextlib.ExitStack() as opened:
        addresses = []
        for _ in range(count):
            listener = opened.enter_context(socket.socket())
            listener.bind(("127.0.0.1", 0))
            addresses.append(f"127.0.0.1:{listener.getsockname()[1]}")
        return addresses


def tail(path: Path, lines: int = 20) -> str:
    """The last lines of a log."""
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        text = file.read().decode(errors="replace")
    return "\n".join(text.splitlines()[-lines:])
