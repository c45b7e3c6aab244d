"""Speed of single layers: forward and forward + backward against Keras on JAX and Flax, as ratios.

All are compiled and see the same data; Keras has the same weights, too. Contenders take turns; a
figure is the median over rounds. Run with `python benchmarks/layers.py`; the table is
benchmarks/layers.md.
"""

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")

import flax
import jax
import jax.numpy as jnp
import keras
import numpy as np
from flax_layers import in_flax

import nnlib as nn

IMAGE = (16, 32, 32, 16)
SEQUENCE = (16, 64, 64)
ROWS: list[tuple[str, dict[str, Any], Any]] = [
    ("Dense", {"units": 256, "activation": "relu"}, (64, 256)),
    ("EinsumDense", {"equation": "abc,cd->abd", "output_shape": (None, 64)}, SEQUENCE),
    ("Embedding", {"input_dim": 1000, "output_dim": 64}, (32, 64)),
    ("Conv1D", {"filters": 64, "kernel_size": 3, "padding": "same"}, SEQUENCE),
    ("Conv1D", {"filters": 64, "kernel_size": 3, "padding": "causal"}, SEQUENCE),
    ("Conv2D", {"filters": 32, "kernel_size": 3, "padding": "same"}, IMAGE),
    ("Conv2D", {"filters": 32, "kernel_size": 3, "strides": 2, "padding": "same"}, IMAGE),
    ("Conv3D", {"filters": 8, "kernel_size": 3}, (4, 12, 12, 12, 8)),
    ("DepthwiseConv2D", {"kernel_size": 3, "padding": "same"}, IMAGE),
    ("SeparableConv2D", {"filters": 32, "kernel_size": 3, "padding": "same"}, IMAGE),
    ("Conv2DTranspose", {"filters": 16, "kernel_size": 3, "strides": 2}, (8, 16, 16, 16)),
    ("MaxPooling2D", {}, IMAGE),
    ("AveragePooling2D", {"pool_size": 2}, IMAGE),
    ("GlobalAveragePooling2D", {}, IMAGE),
    ("GlobalMaxPooling1D", {}, SEQUENCE),
    ("UpSampling2D", {"interpolation": "bilinear"}, (8, 16, 16, 16)),
    ("BatchNormalization", {}, IMAGE),
    ("LayerNormalization", {}, SEQUENCE),
    ("GroupNormalization", {"groups": 4}, IMAGE),
    ("RMSNormalization", {}, SEQUENCE),
    ("SimpleRNN", {"units": 64}, SEQUENCE),
    ("LSTM", {"units": 64}, SEQUENCE),
    ("LSTM", {"units": 64, "return_sequences": True}, SEQUENCE),
    ("GRU", {"units": 64}, SEQUENCE),
    ("Bidirectional", {"layer": ("LSTM", {"units": 32})}, SEQUENCE),
    ("TimeDistributed", {"layer": ("Dense", {"units": 64})}, SEQUENCE),
    ("ConvLSTM2D", {"filters": 8, "kernel_size": 3}, (2, 8, 16, 16, 4)),
    ("MultiHeadAttention", {"num_heads": 4, "key_dim": 16}, [SEQUENCE, SEQUENCE]),
    ("Attention", {}, [SEQUENCE, SEQUENCE]),
    ("PReLU", {}, SEQUENCE),
    ("Softmax", {}, SEQUENCE),
    ("Add", {}, [SEQUENCE, SEQUENCE]),
    ("Concatenate", {}, [SEQUENCE, SEQUENCE]),
]
TAKES_SEVERAL = ("MultiHeadAttention",)
"""Called as `layer(a, b)`, not as `layer([a, b])`."""


def make(library: Any, name: str, arguments: dict[str, Any]) -> Any:
    """The layer, with inner layers in place of (name, arguments)."""
    made = {k: make(library, *v) if isinstance(v, tuple) and isinstance(v[0], str) else v
            for k, v in arguments.items()}  # fmt: skip
    return getattr(library.layers, name)(**made)


class Contest:
    """A layer in all libraries that have it.

    Args:
        name: of the class.
        arguments: of its constructor.
        shape: of the input, or a list of shapes.
    """

    def __init__(self, name: str, arguments: dict[str, Any], shape: Any):
        generator = np.random.default_rng(0)
        draw = lambda s: jnp.asarray(generator.normal(size=s), "float32")  # noqa: E731
        if name == "Embedding":
            draw = lambda s: jnp.asarray(generator.integers(0, 1000, s), "int32")  # noqa: E731
        several = isinstance(shape, list)
        arrays = [draw(s) for s in shape] if several else [draw(shape)]
        self.inputs = arrays if not several or name in TAKES_SEVERAL else [arrays]
        self.ours, self.theirs = make(nn, name, arguments), make(keras, name, arguments)
        self.theirs(*self.inputs)
        self.ours(*self.inputs)
        self.ours.set_weights(self.theirs.get_weights())
        self.flax = in_flax(name, arguments, self.inputs)
        self.integer = name == "Embedding"

    def contenders(self) -> dict[str, tuple[Callable[[], Any], Callable[[], Any]]]:
        """(forward, forward and backward) of each library, as calls without arguments."""
        params, state = self.ours.variables
        trained = [v.value for v in self.theirs.trainable_variables]
        rest = [v.value for v in self.theirs.non_trainable_variables]

        def ours(params: Any, inputs: Any) -> Any:
            return self.ours.apply(params, state, *inputs)[0]

        def theirs(trained: Any, inputs: Any) -> Any:
            return self.theirs.stateless_call(trained, rest, *inputs)[0]

        functions = {"nnlib": (ours, params), "keras": (theirs, trained), "flax": self.flax}
        return {name: self._calls(*pair) for name, pair in functions.items() if pair}

    def _calls(self, function: Any, weights: Any) -> tuple[Callable[[], Any], Callable[[], Any]]:
        wanted = (0,) if self.integer else (0, 1)
        forward = jax.jit(function)
        backward = jax.jit(
            jax.value_and_grad(lambda w, x: jnp.sum(jnp.square(function(w, x))), wanted)
        )
        return (lambda: forward(weights, self.inputs)), (lambda: backward(weights, self.inputs))

    def measure(self, rounds: int) -> list[str]:
        """Milliseconds of nnlib and ratios to the others: forward, then forward and backward."""
        calls = self.contenders()
        results: list[str] = []
        for which in (0, 1):
            times: dict[str, list[float]] = {name: [] for name in calls}
            repeats = _repeats(calls["keras"][which])
            for _ in range(rounds):
                for name, pair in calls.items():
                    times[name].append(_seconds(pair[which], repeats))
            results.append(f"{1e3 * statistics.median(times['nnlib']):.3f}")
            for other in ("keras", "flax"):
                pairs = zip(times["nnlib"], times.get(other, ()), strict=False)
                ratios = [ours / theirs for ours, theirs in pairs]
                results.append(f"{statistics.median(ratios):.2f}" if ratios else "")
        return results


def _repeats(call: Callable[[], Any]) -> int:
    """How many calls last about 20 ms; compiles first."""
    _seconds(call, 2)
    return max(2, int(0.02 / _seconds(call, 3)))


def _seconds(call: Callable[[], Any], repeats: int) -> float:
    began = time.perf_counter()
    for _ in range(repeats):
        out = call()
    jax.block_until_ready(out)
    return (time.perf_counter() - began) / repeats


def title(name: str, arguments: dict[str, Any]) -> str:
    """`Conv2D(filters=32, kernel_size=3)`."""
    shown = ", ".join(f"{k}={v[0] if k == 'layer' else v}" for k, v in arguments.items())
    return f"{name}({shown})"


def main() -> None:
    """Measure all, print the table, and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--only", help="measure layers whose name has this in it; writes nothing")
    options = parser.parse_args()
    lines = [
        "# Speed of layers",
        "",
        f"`python benchmarks/layers.py --rounds {options.rounds}`: medians, interleaved in one "
        "process.",
        f"jax {jax.__version__}, keras {keras.__version__} on JAX, flax {flax.__version__}, Python "
        f"{platform.python_version()}, {jax.default_backend()}, {os.cpu_count()} cores.",
        "A ratio below 1 means that nnlib is faster.",
        "",
        "| layer | forward, ms | / Keras | / Flax | with backward, ms | / Keras | / Flax |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, arguments, shape in ROWS:
        if options.only and options.only not in name:
            continue
        figures = Contest(name, arguments, shape).measure(options.rounds)
        row = f"| {' | '.join([title(name, arguments), *figures])} |"
        print(row, flush=True)
        lines.append(row)
    if not options.only:
        Path(__file__).with_suffix(".md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
