"""Training speed: `fit` against hand-written JAX and against Keras on JAX, as ratios.

One process, all contenders interleaved, medians of several rounds: the machine may be slow or
noisy, the ratios still hold. Run with `make benchmark`; the table goes to benchmarks/train.md.
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

import jax
import jax.numpy as jnp
import keras
import numpy as np
import optax

import nnlib as nn

RATE = 1e-3


class Task:
    """One network in three spellings, on the same random data.

    Args:
        name: of the row.
        input_shape: of one example.
        layers: `f(library)` -> the layers of a Sequential, for nnlib.layers and keras.layers.
        forward: `f(params, x)` -> logits, with the params of the nnlib model.
        batch_size: rows per step.
        steps: per epoch.
    """

    def __init__(
        self,
        name: str,
        input_shape: tuple[int, ...],
        layers: Callable[[Any], list[Any]],
        forward: Callable[[Any, Any], Any],
        batch_size: int,
        steps: int,
    ):
        self.name, self.batch_size, self.steps = name, batch_size, steps
        self.forward = forward
        rng = np.random.default_rng(0)
        rows = batch_size * steps
        self.x = rng.normal(size=(rows, *input_shape)).astype("float32")
        self.y = rng.integers(0, 10, rows).astype("int32")
        self.ours = nn.Sequential([nn.Input(input_shape), *layers(nn.layers)])
        self.ours.compile(
            nn.optimizers.Adam(RATE), nn.losses.SparseCategoricalCrossentropy(from_logits=True)
        )
        self.theirs = keras.Sequential([keras.Input(input_shape), *layers(keras.layers)])
        self.theirs.compile(
            keras.optimizers.Adam(RATE), keras.losses.SparseCategoricalCrossentropy(True)
        )
        self.optimizer = optax.adam(RATE)
        self._per_step = jax.jit(self._step, donate_argnums=0)
        self._scanned = jax.jit(self._scan, donate_argnums=0)

    # Hand-written ------------------------------------------------------------------------------

    def _step(self, carry: Any, x: Any, y: Any) -> Any:
        params, slots = carry

        def loss(params: Any) -> Any:
            logits = self.forward(params, x)
            return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()

        value, grads = jax.value_and_grad(loss)(params)
        updates, slots = self.optimizer.update(grads, slots, params)
        return (optax.apply_updates(params, updates), slots), value

    def _scan(self, carry: Any, xs: Any, ys: Any) -> Any:
        carry, losses = jax.lax.scan(lambda c, b: self._step(c, *b), carry, (xs, ys))
        return carry, losses.mean()

    def _start(self) -> Any:
        params = jax.tree.map(jnp.copy, self.ours.variables[0])
        return params, self.optimizer.init(params)

    def hand_written(self) -> None:
        """A loop over batches of the host, one jitted step with donated state each."""
        carry, value = self._start(), None
        order = np.random.default_rng(1).permutation(len(self.x))
        for step in range(self.steps):
            rows = order[step * self.batch_size : (step + 1) * self.batch_size]
            carry, value = self._per_step(carry, self.x[rows], self.y[rows])
        jax.block_until_ready((carry, value))

    def scanned(self) -> None:
        """The whole epoch as one scan on the device."""
        order = np.random.default_rng(1).permutation(len(self.x))
        shape = (self.steps, self.batch_size)
        xs = self.x[order].reshape(*shape, *self.x.shape[1:])
        jax.block_until_ready(self._scanned(self._start(), xs, self.y[order].reshape(shape)))

    # Libraries ---------------------------------------------------------------------------------

    def nnlib(self) -> None:
        """One epoch of `fit`."""
        self.ours.fit(self.x, self.y, batch_size=self.batch_size, verbose=0)

    def keras(self) -> None:
        """One epoch of `fit`."""
        self.theirs.fit(self.x, self.y, batch_size=self.batch_size, verbose=0)

    def measure(self, rounds: int) -> dict[str, float]:
        """Median seconds per epoch of each contender."""
        contenders = [self.nnlib, self.hand_written, self.scanned, self.keras]
        times: dict[str, list[float]] = {c.__name__: [] for c in contenders}
        for number in range(rounds + 2):  # the first two compile and warm up
            for contender in contenders:
                began = time.perf_counter()
                contender()
                if number >= 2:
                    times[contender.__name__].append(time.perf_counter() - began)
        return {name: statistics.median(values) for name, values in times.items()}


def affine(params: Any, x: Any) -> Any:
    """One dense layer."""
    return x @ params["kernel"] + params["bias"]


def mlp() -> Task:
    """784-128-64-10, batches of 32."""

    def forward(p: Any, x: Any) -> Any:
        x = jax.nn.relu(affine(p["dense"], x))
        return affine(p["dense_2"], jax.nn.relu(affine(p["dense_1"], x)))

    def layers(la: Any) -> list[Any]:
        return [la.Dense(128, activation="relu"), la.Dense(64, activation="relu"), la.Dense(10)]

    return Task("MLP 784-128-64-10, batch 32", (784,), layers, forward, 32, 200)


def cnn() -> Task:
    """Two convolutions and a dense layer on 28x28."""

    def conv(p: Any, x: Any) -> Any:
        y = jax.lax.conv_general_dilated(
            x, p["kernel"], (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        y = jax.nn.relu(y + p["bias"])
        return jax.lax.reduce_window(y, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")

    def forward(p: Any, x: Any) -> Any:
        x = conv(p["conv2d_1"], conv(p["conv2d"], x))
        return affine(p["dense"], x.reshape(x.shape[0], -1))

    def layers(la: Any) -> list[Any]:
        return [
            la.Conv2D(8, 3, padding="same", activation="relu"),
            la.MaxPooling2D(),
            la.Conv2D(16, 3, padding="same", activation="relu"),
            la.MaxPooling2D(),
            la.Flatten(),
            la.Dense(10),
        ]

    return Task("CNN 8-16 on 28x28, batch 32", (28, 28, 1), layers, forward, 32, 40)


def lstm() -> Task:
    """64 units over 20 steps."""

    def forward(p: Any, x: Any) -> Any:
        q = p["lstm"]
        projected = jnp.swapaxes(x @ q["kernel"] + q["bias"], 0, 1)

        def step(carry: Any, z: Any) -> Any:
            h, c = carry
            i, f, g, o = jnp.split(z + h @ q["recurrent_kernel"], 4, axis=-1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None

        zeros = jnp.zeros((x.shape[0], 64))
        (h, _), _ = jax.lax.scan(step, (zeros, zeros), projected)
        return affine(p["dense"], h)

    return Task(
        "LSTM 64 over 20 steps, batch 32",
        (20, 16),
        lambda la: [la.LSTM(64), la.Dense(10)],
        forward,
        32,
        100,
    )


def main() -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--output", type=Path, default=Path(__file__).with_name("train.md"))
    arguments = parser.parse_args()
    lines = [
        "# Training speed",
        "",
        f"`python benchmarks/train.py --rounds {arguments.rounds}`: one epoch, medians, "
        "interleaved in one process.",
        f"jax {jax.__version__}, keras {keras.__version__} on JAX, Python "
        f"{platform.python_version()}, {jax.devices()[0].device_kind}, {os.cpu_count()} cores.",
        "A ratio below 1 means that nnlib's `fit` is faster.",
        "",
        "| network | nnlib, ms per step | / hand-written, a jit per batch | / hand-written, "
        "scanned | / Keras fit |",
        "|---|---:|---:|---:|---:|",
    ]
    for make in (mlp, cnn, lstm):
        task = make()
        seconds = task.measure(arguments.rounds)
        ours = seconds["nnlib"]
        ratios = [ours / seconds[name] for name in ("hand_written", "scanned", "keras")]
        cells = [f"{ratio:.2f}" for ratio in ratios]
        lines.append(f"| {task.name} | {1e3 * ours / task.steps:.3f} | {' | '.join(cells)} |")
        print(lines[-1], flush=True)
    arguments.output.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
