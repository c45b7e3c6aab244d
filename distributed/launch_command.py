"""The command `nnlib launch`: a program as several connected processes of this machine."""

import argparse
import contextlib
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from nnlib.core.errors import ArgumentError

from .gang import tail
from .supervise import (
    GRACE_SECONDS,
    check_log_dir,
    check_restarts,
    cpu_environment,
    noted,
    supervise,
)

_LINES = 15


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: those behind `nnlib launch`; of the shell if None.

    Returns:
        0 if all workers ended well; else the code of one that failed, 128 + n after signal n.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        check_restarts("--restarts", options.restarts, options.reform)
        if options.log_dir is not None:
            check_log_dir("--log-dir", options.log_dir)
        if not options.module:
            _check_program(options.program)
    except ArgumentError as error:
        parser.error(str(error))
    program = [] if not options.reform else ["-m", f"{__package__}.reentered_program"]
    program += ["-m", options.program] if options.module else [options.program]
    with noted(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as told:
        outcome = supervise(
            [sys.executable, *program, *options.arguments],
            options.workers,
            restarts=options.restarts,
            reform=options.reform,
            log_dir=options.log_dir,
            environment=cpu_environment(options.cpu_devices),
            grace_seconds=options.grace,
            told=lambda: len(told),
            say=_say,
        )
    if options.log_dir is not None:
        for index, code in enumerate(outcome.exits):
            log = options.log_dir / f"worker-{index}.log"
            _say(f"worker {index}: {'was ended' if code is None else f'exit code {code}'}; {log}")
            if code:
                print(tail(log, _LINES), file=sys.stderr)
    return outcome.code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="nnlib launch",
        description="Run a program as several connected processes of this machine: TF_CONFIG of "
        "each says the cluster. When one fails all are ended, and started again.",
    )
    parser.add_argument("--workers", type=_count, required=True, metavar="N", help="how many")
    parser.add_argument(
        "--restarts", type=_number, default=0, metavar="K", help="how often all start anew (0)"
    )
    parser.add_argument(
        "--reform",
        action="store_true",
        help="where another than the first worker is lost, that one alone starts anew: the others "
        "stay, and PROGRAM begins again in them with the last step that PreemptionCheckpoint kept",
    )
    parser.add_argument("--log-dir", type=Path, metavar="D", help="for worker-N.log of each")
    parser.add_argument(
        "--cpu-devices", type=_count, metavar="M", help="virtual CPU devices for each worker"
    )
    parser.add_argument(
        "--grace",
        type=_seconds,
        default=GRACE_SECONDS,
        metavar="SECONDS",
        help="how long workers may save their work when told to end (30)",
    )
    parser.add_argument("-m", dest="module", action="store_true", help="PROGRAM is a module")
    parser.add_argument("program", metavar="PROGRAM", help="a file of Python")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, metavar="...", help="its arguments")
    return parser


def _number(text: str) -> int:
    with contextlib.suppress(ValueError):
        return int(text)
    raise argparse.ArgumentTypeError(f"expected an integer, got {text!r}")


def _count(text: str) -> int:
    number = _number(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected at least 1, got {text}")
    return number


def _seconds(text: str) -> float:
    with contextlib.suppress(ValueError):
        if float(text) >= 0:
            return float(text)
    raise argparse.ArgumentTypeError(f"expected seconds from 0 on, got {text!r}")


def _check_program(program: str) -> None:
    """Say at once what no attempt will find.

    Raises:
        ArgumentError: if there is no such program.
    """
    path = Path(program)
    if not (path.is_file() or (path / "__main__.py").is_file()):
        raise ArgumentError(
            f"PROGRAM: expected a file of Python, got {program!r}, which is none. Options of "
            "nnlib launch stand before it; a module needs -m."
        )


def _say(text: str) -> None:
    with contextlib.suppress(OSError):  # the terminal is closed
        print(f"nnlib launch: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
