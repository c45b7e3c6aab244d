"""run: a function as several connected processes of this machine."""

import os
import pickle
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from nnlib.core.errors import ArgumentError
from nnlib.layers.checks import positive_number

from .errors import ProcessError, StrategyError
from .gang import tail
from .supervise import Outcome, check_log_dir, check_restarts, cpu_environment, noted, supervise


def run(
    fn: Callable[..., Any],
    num_processes: int = 2,
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    *,
    cpu_devices: int | None = None,
    restarts: int = 0,
    reform: bool = False,
    timeout_seconds: float | None = None,
    log_dir: Any = None,
    environment: Mapping[str, str] | None = None,
) -> list[Any]:
    """Call `fn(*args, **kwargs)` in several processes that make up a cluster.

    TF_CONFIG of each says the cluster, so that `MultiWorkerMirroredStrategy()` in `fn` connects
    them. They are fresh processes of Python, and end with this one. When one fails all are ended.
    When this process is told to end (SIGTERM) they are first, and have 30 s to save their work.

    Args:
        fn: a function that can be imported: of a module, or of the script that calls this, which
            has to do so behind `if __name__ == "__main__":`.
        num_processes: how many.
        args: what `fn` is given; can be pickled, as what it returns.
        kwargs: likewise, by name.
        cpu_devices: virtual CPU devices of each; None for the devices of the machine.
        restarts: how often all start anew when one fails.
        reform: whether, where another than the first is lost, that one alone starts anew: `fn` is
            called again in the others, and a fit with PreemptionCheckpoint goes on from the last
            step. Each time is one of `restarts`.
        timeout_seconds: how long each attempt may take; None for as long as it takes.
        log_dir: where each process writes `worker-N.log`; None to keep only the end, for errors.
        environment: further variables.

    Returns:
        What `fn` returned in each process, in their order.

    Raises:
        ProcessError: if one fails or time is up; with its traceback, or the end of its log.
        ArgumentError: for a function that cannot be pickled, numbers that are none, `reform`
            without `restarts`, or a `log_dir` that cannot be written to.
        StrategyError: if a script calls it when it is only read.

    >>> import operator
    >>> run(operator.add, 1, (2, 3))
    [5]
    """
    if not isinstance(num_processes, int) or num_processes < 1:
        raise ArgumentError(
            f"run: expected num_processes as an integer from 1 on, got {num_processes!r}."
        )
    check_restarts("run", restarts, reform)
    if timeout_seconds is not None:
        positive_number("run", "timeout_seconds", timeout_seconds)
    if getattr(sys.modules["__main__"], "is_being_read", False):
        raise StrategyError(
            "run: expected a call by the program itself, got one while a process of its own reads "
            'the script, for the function. Write it behind `if __name__ == "__main__":`.'
        )
    call = _pickled(fn, args, kwargs or {})
    with tempfile.TemporaryDirectory(prefix="nnlib-run-") as name:
        folder = Path(name)
        (folder / "call.pickle").write_bytes(call)
        logs = folder if log_dir is None else Path(log_dir)
        check_log_dir("run", logs)
        with noted(signal.SIGTERM) as told:
            outcome = supervise(
                [sys.executable, "-m", f"{__package__}.function_process", name],
                num_processes,
                restarts=restarts,
                reform=reform,
                log_dir=logs,
                environment={**cpu_environment(cpu_devices), **(environment or {})},
                seconds=float("inf") if timeout_seconds is None else timeout_seconds,
                told=lambda: len(told),
                say=_say,
            )
        if not told:
            results = [_result(folder, index) for index in range(num_processes)]
            if outcome.good and all(good for good, _ in results):
                return [value for _, value in results]
            raise ProcessError(_failure(outcome, results, logs, timeout_seconds))
    os.kill(os.getpid(), signal.SIGTERM)  # now that the workers have saved their work
    raise SystemExit(128 + signal.SIGTERM)


def _say(text: str) -> None:
    print(f"nnlib.distributed.run: {text}", file=sys.stderr, flush=True)


def _pickled(fn: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> bytes:
    main = getattr(sys.modules.get("__main__"), "__file__", None)
    if getattr(fn, "__module__", None) == "__main__" and main is None:
        raise ArgumentError(
            f"run: expected a function of a module or a script, got {fn!r} of an interactive "
            "session, which other processes cannot import. Write it into a file."
        )
    try:
        call = pickle.dumps((fn, tuple(args), dict(kwargs)))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ArgumentError(
            f"run: expected a function and arguments that can be pickled, got: {error}. Define "
            "the function at the top of a module; pass data as NumPy arrays."
        ) from error
    return pickle.dumps((list(sys.path), main, call))


def _result(folder: Path, index: int) -> tuple[bool | None, Any]:
    """(True, what the function returned), (False, its traceback), or (None, "") for neither."""
    file = folder / f"result-{index}.pickle"
    return pickle.loads(file.read_bytes()) if file.is_file() else (None, "")


def _failure(
    outcome: Outcome, results: Sequence[tuple[bool | None, Any]], logs: Path, seconds: float | None
) -> str:
    texts = []
    for index, (code, (good, text)) in enumerate(zip(outcome.exits, results, strict=True)):
        if code == 0 and good:
            continue
        shown = text if good is False else tail(logs / f"worker-{index}.log")
        ended = "did not end" if code is None else f"ended with code {code}"
        after = ", after the function had returned" if good else ""
        texts.append(f"Process {index} {ended}{after}:\n{shown or 'It wrote no text.'}")
    late = f" within {seconds} seconds" if outcome.late else ""
    return f"run: expected all {len(results)} processes to return{late}, got:\n" + "\n".join(texts)
