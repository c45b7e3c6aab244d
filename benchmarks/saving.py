"""Saving and loading ResNet50: seconds against Keras on JAX as ratios, and the memory it takes.

Contenders take turns; a figure is the median over rounds. The memory is what a process holds at
most while it loads weights, beyond what it held before, as a multiple of the weights. Run with
`python benchmarks/saving.py`; the table is benchmarks/saving.md.
"""

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import keras

import nnlib as nn

LIBRARIES: dict[str, Any] = {"nnlib": nn, "keras": keras}


def model(library: str) -> Any:
    """ResNet50 with random weights that are there already."""
    made = LIBRARIES[library].applications.ResNet50(weights=None)
    made.get_weights()
    return made


def contenders(folder: Path) -> dict[str, dict[str, Callable[[], Any]]]:
    """What is measured -> library -> a call."""
    calls: dict[str, dict[str, Callable[[], Any]]] = {}
    for name, library in LIBRARIES.items():
        made = model(name)
        whole, weights = folder / f"{name}.keras", folder / f"{name}.weights.h5"
        legacy = folder / f"{name}.h5"
        for what, call in (
            ("save .weights.h5", lambda m=made, p=weights: m.save_weights(p)),
            ("load .weights.h5", lambda m=made, p=weights: m.load_weights(p)),
            ("save .keras", lambda m=made, p=whole: m.save(p)),
            ("load .keras", lambda lib=library, p=whole: lib.models.load_model(p)),
            ("save .h5", lambda m=made, p=legacy: m.save(p)),
            ("load .h5", lambda lib=library, p=legacy: lib.models.load_model(p)),
        ):
            calls.setdefault(what, {})[name] = call
    made = model("nnlib")
    calls["save folder"] = {"nnlib": lambda: made.save(folder / "saved")}
    calls["load folder"] = {"nnlib": lambda: nn.models.load_model(folder / "saved")}
    return calls


def seconds(call: Callable[[], Any]) -> float:
    """How long one call takes."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def growth_of_load(library: str, path: Path) -> float:
    """How far loading weights raises the memory of a process, over the size of the file."""
    here = str(Path(__file__).parent)
    code = "import sys; sys.path.insert(0, sys.argv[1]); import saving; saving.load(*sys.argv[2:])"
    command = [sys.executable, "-c", code, here, library, str(path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout.split()[-1]) / path.stat().st_size


def load(library: str, path: str) -> None:
    """Load weights into a model that has some, and print by how many bytes the memory grew."""
    made, done, peak = model(library), threading.Event(), [0]
    made.load_weights(path)  # what is imported and compiled for it is not counted
    before = memory()

    def watch() -> None:
        while not done.wait(0.001):
            peak[0] = max(peak[0], memory())

    watcher = threading.Thread(target=watch)
    watcher.start()
    made.load_weights(path)
    done.set()
    watcher.join()
    print(peak[0] - before)


def memory() -> int:
    """The bytes that this process holds (Linux)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    """Measure all, print the table, and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    folder = Path(tempfile.mkdtemp())
    lines = [
        "# Saving and loading ResNet50",
        "",
        f"`python benchmarks/saving.py --rounds {rounds}`: medians, interleaved in one process.",
        f"jax {jax.__version__}, keras {keras.__version__} on JAX, Python "
        f"{platform.python_version()}, {jax.default_backend()}, {os.cpu_count()} cores.",
        "A ratio below 1 means that nnlib is faster. It waits until a file is on the disk; Keras "
        "does not.",
        "",
        "| what | nnlib, s | / Keras |",
        "|---|---:|---:|",
    ]
    try:
        for what, calls in contenders(folder).items():
            times: dict[str, list[float]] = {name: [] for name in calls}
            for call in calls.values():
                call()
            for _ in range(rounds):
                for name, call in calls.items():
                    times[name].append(seconds(call))
            ours = statistics.median(times["nnlib"])
            ratio = f"{ours / statistics.median(times['keras']):.2f}" if "keras" in times else ""
            lines.append(f"| {what} | {ours:.2f} | {ratio} |")
            print(lines[-1], flush=True)
        weights = [(name, folder / f"{name}.weights.h5") for name in ("nnlib", "keras")]
        ours, theirs = (growth_of_load(name, path) for name, path in weights)
        lines += [
            "",
            f"Loading `.weights.h5` raises the memory of a process by {ours:.2f} times the weights "
            f"at most; with Keras by {theirs:.2f} times.",
        ]
        print(lines[-1])
    finally:
        shutil.rmtree(folder)
    Path(__file__).with_suffix(".md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
