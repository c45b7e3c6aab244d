"""The exporter against TensorFlow's TFLiteConverter: sizes, operators, errors, latencies.

Both convert the same weights: a `.keras` file that nnlib writes and TensorFlow's Keras reads. Run
with `python benchmarks/tflite.py --tensorflow PYTHON`, where PYTHON is the interpreter of an
environment with `tensorflow` (nnlib needs none); the table is benchmarks/tflite.md. Errors are mean
absolute differences from JAX in float32 on the samples that calibrate both. Latencies are medians
for one image, one thread, taken in turns.
"""

import argparse
import os
import platform
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np

import nnlib as nn
from nnlib import tflite_export

RNG = np.random.default_rng(0)
KINDS = ("float32", "dynamic", "float16", "int8")


def mlp() -> Any:
    """Two hidden layers over 784 pixels."""
    la = nn.layers
    sizes = [la.Dense(128, "relu"), la.Dense(64, "relu"), la.Dense(10, "softmax")]
    return nn.Sequential([nn.Input((784,)), *sizes])


def cnn() -> Any:
    """Two convolutions and two dense layers over 28 x 28 pixels."""
    la = nn.layers
    front = [la.Conv2D(32, 3, activation="relu"), la.MaxPooling2D()]
    front += [la.Conv2D(64, 3, activation="relu"), la.MaxPooling2D(), la.Flatten()]
    return nn.Sequential(
        [nn.Input((28, 28, 1)), *front, la.Dense(128, "relu"), la.Dense(10, "softmax")]
    )


def lstm() -> Any:
    """Two LSTMs over 20 steps of 8 numbers."""
    la = nn.layers
    return nn.Sequential(
        [nn.Input((20, 8)), la.LSTM(64, return_sequences=True), la.LSTM(32), la.Dense(1)]
    )


def gru() -> Any:
    """One GRU over 20 steps of 8 numbers."""
    la = nn.layers
    return nn.Sequential([nn.Input((20, 8)), la.GRU(64), la.Dense(1)])


def sentiment() -> Any:
    """Words to a score: an embedding and an LSTM."""
    la = nn.layers
    words = nn.Input((100,), dtype="int32")
    return nn.Sequential([words, la.Embedding(20000, 64), la.LSTM(64), la.Dense(1, "sigmoid")])


def mobilenet_v2() -> Any:
    """MobileNetV2."""
    return nn.applications.MobileNetV2(weights=None)


def resnet50() -> Any:
    """ResNet50."""
    return nn.applications.ResNet50(weights=None)


MODELS: tuple[Callable[[], Any], ...] = (mlp, cnn, mobilenet_v2, resnet50, lstm, gru, sentiment)


@dataclass
class Made:
    """A file, what it took to make it, and how it is called."""

    content: bytes
    seconds: float
    note: str = ""

    @property
    def operators(self) -> int:
        """In all subgraphs."""
        info = tflite_export.read_tflite(self.content)
        return sum(len(part.operators) for part in info.subgraphs)


def settle(model: Any) -> None:
    """Statistics and scales that are not all 0 and 1, and outputs that differ."""
    for layer in model.layers:
        if isinstance(layer, nn.layers.BatchNormalization):
            scale, shift, mean, variance = (np.shape(w) for w in layer.get_weights())
            layer.set_weights(
                [
                    RNG.uniform(0.5, 1.5, scale),
                    0.1 * RNG.normal(size=shift),
                    0.1 * RNG.normal(size=mean),
                    RNG.uniform(0.5, 1.5, variance),
                ]
            )
    kernel, bias = model.layers[-1].get_weights()
    model.layers[-1].set_weights([10 * kernel, bias])


def samples_of(model: Any) -> np.ndarray:
    """32 rows: with fewer, which of them come out well decides about the error."""
    (spec,) = model.input_specs if isinstance(model.input_specs, tuple) else (model.input_specs,)
    shape = (32, *spec.shape[1:])
    if np.issubdtype(spec.dtype, np.integer):
        return RNG.integers(0, 20000, shape).astype(np.int32)
    return RNG.normal(size=shape).astype(np.float32)


def ours(model: Any, kind: str, samples: np.ndarray) -> Made:
    """A file of nnlib, with a free batch."""
    arguments: dict[str, Any] = {} if kind == "float32" else {"quantize": kind}
    if kind == "int8":
        arguments["representative"] = [row[None] for row in samples]
    began = time.process_time()
    report = tflite_export.export_tflite(model, verify=False, **arguments)
    return Made(report.content, time.process_time() - began)


def theirs(python: str, model: Path, samples: Path, kind: str, out: Path) -> Made | str:
    """TensorFlow's file, or what became of the process instead."""
    peer = Path(__file__).with_name("tflite_peer.py")
    done = subprocess.run(
        [python, str(peer), str(model), str(samples), kind, str(out)],
        env={**os.environ, "KERAS_BACKEND": "tensorflow", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        return f"crashes (signal {-done.returncode})" if done.returncode < 0 else "fails"
    line = next(x for x in done.stdout.splitlines() if x.startswith("PEER"))
    _, seconds, batch = line.split(" ", 2)
    return Made(out.read_bytes(), float(seconds), "" if batch == "free" else batch)


def runner(content: bytes) -> Callable[[np.ndarray], np.ndarray]:
    """One row in, one row out."""
    run = tflite_export.Interpreter(model_content=content, num_threads=1)
    run.allocate_tensors()
    (source,), target = run.get_input_details(), run.get_output_details()[0]

    def call(row: np.ndarray) -> np.ndarray:
        run.set_tensor(source["index"], row.astype(source["dtype"]))
        run.invoke()
        return run.get_tensor(target["index"])

    return call


def latencies(calls: list[Callable[[np.ndarray], np.ndarray]], row: np.ndarray) -> list[float]:
    """Median milliseconds of each, in turns."""
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(60):
        for call, taken in zip(calls, times, strict=True):
            began = time.perf_counter()
            call(row)
            taken.append(1e3 * (time.perf_counter() - began))
    return [statistics.median(taken[10:]) for taken in times]


def compared(name: str, kind: str, one: Made, other: Made | str, want: Any, samples: Any) -> str:
    """A row of the table."""
    call = runner(one.content)
    error = mean_error(call, want, samples)
    cells = [name, kind, f"{len(one.content):,}", "", f"{one.operators}", "", f"{error:.1e}", ""]
    if isinstance(other, str):
        (milliseconds,) = latencies([call], samples[:1])
        cells += [f"{milliseconds:.2f}", "", f"{one.seconds:.2f}", other]
    else:
        second = runner(other.content)
        mine, peer = latencies([call, second], samples[:1])
        cells[3] = f"{len(one.content) / len(other.content):.4f}"
        cells[5] = f"{other.operators}"
        cells[7] = f"{error / max(mean_error(second, want, samples), 1e-12):.2f}"
        cells += [f"{mine:.3f}", f"{mine / peer:.2f}", f"{one.seconds:.2f}", other.note]
    return f"| {' | '.join(cells)} |"


def mean_error(call: Callable[[np.ndarray], np.ndarray], want: Any, samples: Any) -> float:
    """Mean absolute difference from JAX."""
    got = np.concatenate([call(row[None]).copy() for row in samples])
    return float(np.abs(got - want).mean())


def main() -> None:
    """Convert, compare, print the table, and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tensorflow", required=True, help="a Python that has tensorflow")
    parser.add_argument("--models", nargs="*", default=[make.__name__ for make in MODELS])
    arguments = parser.parse_args()
    lines = [
        "# The exporter against TensorFlow's converter",
        "",
        "`python benchmarks/tflite.py --tensorflow PYTHON`, where PYTHON has TensorFlow.",
        f"jax {jax.__version__}, Python {platform.python_version()}, {os.cpu_count()} cores.",
        "Ratios are to the files of TFLiteConverter: below 1 means smaller, closer to JAX, faster.",
        "Files of nnlib have a free batch; the last column says where those of TensorFlow cannot.",
        "Latency: one row, one thread.",
        "",
        "| model | kind | bytes | / TF | ops | TF | mean error | / TF | ms | / TF | export, CPU s "
        "| TensorFlow |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---|",
    ]
    print("\n".join(lines))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for make in MODELS:
            if make.__name__ not in arguments.models:
                continue
            model = make()
            settle(model)
            samples = samples_of(model)
            want = np.asarray(model.predict(samples, verbose=0))
            model.save(folder / "model.keras")
            np.save(folder / "samples.npy", samples)
            for kind in KINDS:
                paths = folder / "model.keras", folder / "samples.npy"
                peer = theirs(arguments.tensorflow, *paths, kind, folder / "peer.tflite")
                mine = ours(model, kind, samples)
                lines.append(compared(make.__name__, kind, mine, peer, want, samples))
                print(lines[-1], flush=True)
    Path(__file__).with_suffix(".md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
