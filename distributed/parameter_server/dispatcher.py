"""Functions that wait for a worker: each is run until some worker has come to its end."""

import collections
import threading
import time
from collections.abc import Sequence
from typing import Any

from ..errors import StrategyError
from .engine import RECOVERY_SECONDS
from .session import Session

TRIES = 10
"""A function during which so many processes died is taken to be the reason."""


class CancelledError(StrategyError):
    """A function that was not run: one before it raised an error, or the strategy was closed."""


class Call:
    """A function on its way through the workers.

    Args:
        args: of `Worker.run`.
    """

    def __init__(self, args: Sequence[Any]):
        self.args = args
        self.tries = 0
        self.value: Any = None
        self.error: BaseException | None = None
        self.finished = threading.Event()

    def end(self, value: Any = None, error: BaseException | None = None) -> None:
        """Note the result."""
        self.value, self.error, self.args = value, error, ()
        self.finished.set()


class Dispatcher:
    """Hands calls to workers, a thread for each; what a dead worker had goes to another one.

    Args:
        session: the connection to Ray.
        workers: the actors.
    """

    def __init__(self, session: Session, workers: Sequence[Any]):
        self._session, self._errors = session, session.ray.exceptions
        self.workers = list(workers)
        self._changed = threading.Condition()
        self._waiting: collections.deque[Call] = collections.deque()
        self._running = 0
        self._stopped = False
        self._error: BaseException | None = None
        self._alive = len(self.workers)
        for index, worker in enumerate(self.workers):
            name = f"nnlib-worker-{index}"
            threading.Thread(target=self._serve, args=(worker,), name=name, daemon=True).start()

    def send(self, call: Call) -> Call:
        """Let a worker run it.

        Raises:
            Exception: what an earlier call raised.
        """
        with self._changed:
            self._raise()
            self._check_alive()
            self._waiting.append(call)
            self._changed.notify_all()
        return call

    def done(self) -> bool:
        """Whether all calls have come to their end.

        Raises:
            Exception: what one of them raised.
        """
        with self._changed:
            self._raise()
            return not self._waiting and not self._running

    def join(self, below: int = 1) -> None:
        """Wait until fewer than so many calls are under way; raises what one of them raised."""
        with self._changed:
            while len(self._waiting) + self._running >= below and self._error is None:
                self._check_alive()
                self._changed.wait(1.0)
            if self._error is not None:
                while self._running:  # no worker is in a call when its error is reported
                    self._changed.wait(1.0)
            self._raise()

    def cancel(self) -> None:
        """Forget calls that wait, and wait for those that run."""
        with self._changed:
            self._end_waiting(_cancelled())
            while self._running and self._alive:
                self._changed.wait(1.0)
            self._error = None

    def stop(self) -> None:
        """Cancel what waits, and let the threads end."""
        with self._changed:
            self._end_waiting(_cancelled())
            self._stopped = True
            self.workers = []
            self._changed.notify_all()

    def _raise(self) -> None:
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def _check_alive(self) -> None:
        if not self._alive:
            raise self._nobody()

    def _end_waiting(self, error: BaseException) -> None:
        while self._waiting:
            self._waiting.popleft().end(error=error)

    # One worker --------------------------------------------------------------------------------

    def _serve(self, worker: Any) -> None:
        """Work until there is none; an error that nobody expects reaches whoever waits."""
        sent: collections.deque[tuple[Call, Any]] = collections.deque()
        try:
            self._work(worker, sent)
        except BaseException as error:  # Ray was shut down, by SystemExit in this thread, or worse
            for call, _ in sent:
                self._ended(call, error=_failure(error))
        finally:
            self._leave()

    def _work(self, worker: Any, sent: collections.deque[tuple[Call, Any]]) -> None:
        """Two calls at a time are with the worker, so that it need not wait for the next."""
        while True:
            while len(sent) < 2 and (call := self._take(wait=not sent)) is not None:
                try:
                    self._session.check()
                    sent.append((call, worker.run.remote(*call.args)))
                except BaseException as error:  # what cannot be pickled; Ray was shut down
                    self._ended(call, error=_failure(error))
                    if not isinstance(error, Exception):
                        raise
            if not sent:
                return
            try:
                value = self._session.get(sent[0][1])
            except (self._errors.RayTaskError, self._errors.RaySystemError) as error:
                self._ended(sent.popleft()[0], error=_cause(error))  # or a result nobody can read
            except self._errors.RayError as error:
                again = [call for call, _ in sent]
                sent.clear()
                self._again(again, error)
                if not self._recovered(worker):
                    return
            else:
                self._ended(sent.popleft()[0], value)

    def _take(self, wait: bool) -> Call | None:
        with self._changed:
            if not wait and len(self._waiting) <= len(self.workers):
                return None  # what is left is shared among the workers
            while not self._waiting:
                if self._stopped or not self._session.lives():
                    return None
                self._changed.wait(1.0)
            self._running += 1
            return self._waiting.popleft()

    def _ended(self, call: Call, value: Any = None, error: BaseException | None = None) -> None:
        with self._changed:
            call.end(value, error)
            self._running -= 1
            if error is not None:
                self._error = self._error or error
                self._end_waiting(_cancelled())
            self._changed.notify_all()

    def _again(self, calls: list[Call], error: BaseException) -> None:
        """Put calls of a worker that died in front of the others."""
        calls[0].tries += 1
        if calls[0].tries >= TRIES:
            failure = StrategyError(
                f"ClusterCoordinator: expected a function to come to its end, got {TRIES} "
                "processes that died while they ran it. It may need more memory than there is."
            )
            failure.__cause__ = error
            self._ended(calls.pop(0), error=failure)
        with self._changed:
            self._waiting.extendleft(reversed(calls))
            self._running -= len(calls)
            self._changed.notify_all()

    def _recovered(self, worker: Any) -> bool:
        """Wait for the next process of a worker; False if there is none in time."""
        deadline = time.monotonic() + RECOVERY_SECONDS
        while time.monotonic() < deadline and not self._stopped:
            self._session.check()
            try:
                self._session.get(worker.process.remote(), deadline - time.monotonic())
                return True
            except self._errors.RayError:
                time.sleep(0.1)
        return False

    def _leave(self) -> None:
        """A thread is about to end; what waits behind the last one nobody will run."""
        with self._changed:
            self._alive -= 1
            if not self._alive and self._waiting:
                error = self._nobody()
                self._error = self._error or error
                self._end_waiting(error)
            self._changed.notify_all()

    def _nobody(self) -> Exception:
        """Why no worker is left."""
        if self._stopped:
            return _cancelled()
        try:
            self._session.check()
        except BaseException as error:  # of Ray itself, too, while it is shut down
            return _failure(error)
        return StrategyError(
            "ClusterCoordinator: expected a worker that lives, got none: no process of theirs came "
            f"back within {RECOVERY_SECONDS:.0f} s. Look into the logs of Ray."
        )


def _cancelled() -> CancelledError:
    return CancelledError(
        "ClusterCoordinator: expected a function that is run, got one that was cancelled: one "
        "before it raised an error, or the strategy was closed."
    )


def _failure(error: BaseException) -> Exception:
    """What reaches the script, which no thread of a worker may end."""
    if isinstance(error, Exception):
        return error
    failure = StrategyError(f"ClusterCoordinator: expected a result, got {error!r}.")
    failure.__cause__ = error
    return failure


def _cause(error: Any) -> BaseException:
    cause = getattr(error, "cause", None)
    if isinstance(cause, BaseException):
        cause.__cause__ = error if error is not cause else None
        return cause
    return error
