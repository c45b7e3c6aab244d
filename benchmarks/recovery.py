"""How long training takes to go on after a process was killed, and how many steps it costs.

    python benchmarks/recovery.py [--processes 2 3] [--rounds 3]

All processes run on this machine, connected over loopback, with a small model: what is measured is
the recovery itself (noticing, starting Python, connecting, compiling), not a model. A process
kills itself behind a step; the time ends with the next step that all have done.
"""

import argparse
import json
import os
import platform
import signal
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np

import nnlib as nn

DEATH = 7
"""The step behind which a process is killed; step 5 is the last that is on the disk."""


class Notes(nn.callbacks.Callback):
    """Writes down when each step was done, and kills its process once, if it is the one."""

    def __init__(self, folder: Path, victim: int | None):
        self.file = folder / f"notes-{jax.process_index()}"
        self.dies = victim == jax.process_index() and os.environ["NNLIB_ATTEMPT"] == "1"

    def note(self, what: Any) -> None:
        """Write it down, with the time."""
        with self.file.open("a") as file:
            file.write(json.dumps([os.environ["NNLIB_ATTEMPT"], what, time.time()]) + "\n")

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """A step is done."""
        step = int(self.model.optimizer.iterations)
        self.note(step)
        if self.dies and step == DEATH:
            os.kill(os.getpid(), signal.SIGKILL)


def train(folder: Path, victim: int | None) -> None:
    """What each process does."""
    strategy = nn.distributed.MultiWorkerMirroredStrategy()
    notes = Notes(folder, victim)
    saved = nn.distributed.PreemptionCheckpoint(folder / "backup", save_freq=5)
    x = np.random.default_rng(0).normal(size=(60, 8)).astype("float32")
    nn.utils.set_random_seed(0)
    with strategy.scope():
        model = nn.Sequential([nn.Input((8,)), nn.layers.Dense(8, "tanh"), nn.layers.Dense(1)])
        model.compile("adam", "mse")
    try:
        model.fit(x, x[:, :1], batch_size=6, epochs=2, verbose=0, callbacks=[saved, notes])
    except Exception:
        notes.note("noticed")
        raise


def measured(count: int, victim: int, reform: bool) -> tuple[float, float, float, int]:
    """Seconds to the first step, from the kill to its notice and to the next step; steps redone."""
    with tempfile.TemporaryDirectory() as name:
        folder, began = Path(name), time.time()
        nn.distributed.run(train, count, (folder, victim), cpu_devices=1, restarts=1, reform=reform)
        texts = [(folder / f"notes-{index}").read_text() for index in range(count)]
    notes = [[json.loads(line) for line in text.splitlines()] for text in texts]
    steps = [step for _, step, _ in notes[victim]]
    killed = notes[victim][steps.index(DEATH)][2]
    rest = [note for own in notes[:victim] + notes[victim + 1 :] for note in own]
    noticed = [when for _, what, when in rest if what == "noticed"]
    after = max(
        min(when for attempt, what, when in own if attempt == "2" and what != "noticed")
        for own in notes
    )
    first = max(own[0][2] for own in notes)
    return (
        first - began,
        max(noticed, default=killed) - killed,
        after - killed,
        len(steps) - len(set(steps)),
    )


def main() -> None:
    """Measure, print the table, and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, nargs="+", default=[2, 3])
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    lines = [
        "# After the loss of a process",
        "",
        "`python benchmarks/recovery.py`: processes of one machine, connected over loopback.",
        f"jax {jax.__version__}, Python {platform.python_version()}, {os.cpu_count()} cores.",
        f"Seconds: medians of {options.rounds} rounds, with the fastest and the slowest. A cold",
        "start is the time from the call of `run` to the first step; training goes on with the",
        "first step behind the one of the kill.",
        "",
        "| lost | processes | what follows | cold start | noticed after | goes on after "
        "| of a cold start | steps again |",
        "|---|---:|---|---:|---:|---:|---:|---:|",
    ]
    print("\n".join(lines))
    for count in options.processes:
        for lost, victim, reform in (
            ("the last", count - 1, True),
            ("the last", count - 1, False),
            ("the first", 0, True),
        ):
            rounds = [measured(count, victim, reform) for _ in range(options.rounds)]
            starts, notices, seconds, again = zip(*rounds, strict=True)
            follows = "re-forming" if reform and victim else "all start anew"
            ratio = statistics.median(b / a for a, b in zip(starts, seconds, strict=True))
            lines.append(
                f"| {lost} | {count} | {follows} | {_spread(starts)} | "
                f"{_spread(notices) if victim else 'aborted'} | {_spread(seconds)} | {ratio:.2f} | "
                f"{max(again)} |"
            )
            print(lines[-1], flush=True)
    Path(__file__).with_suffix(".md").write_text("\n".join(lines) + "\n")


def _spread(seconds: tuple[float, ...]) -> str:
    low, high = min(seconds), max(seconds)
    return f"{statistics.median(seconds):.1f} ({low:.1f} to {high:.1f})"


if __name__ == "__main__":
    main()
