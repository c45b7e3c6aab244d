"""Throughput of the parameter server against a plain loop over Ray actors, as ratios.

One process, the contenders interleaved on the same Ray, best and median of several rounds: the
machine may be slow or noisy, the ratios still hold. With `--words`, a table of so many rows:
pulls and pushes of rows against those of the whole table. Needs the extra `ray`. Each command
writes its part of parameter_server.md.

    python benchmarks/parameter_server.py --rounds 5 --steps 200
    python benchmarks/parameter_server.py --rounds 3 --steps 40 --words 1000000
"""

import argparse
import os
import platform
import re
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import jax.numpy as jnp
import numpy as np
import optax
import ray

import nnlib as nn

WORKERS, RATE = 2, 0.01


def batches(count: int, rows: int, features: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Random regression."""
    rng = np.random.default_rng(0)
    xs = rng.normal(size=(count, rows, features)).astype("float32")
    return [(x, x.sum(axis=1, keepdims=True)) for x in xs]


def initial(features: int, units: int) -> dict[str, np.ndarray]:
    """Weights of a network with one hidden layer."""
    rng = np.random.default_rng(1)
    shapes = {"w1": (features, units), "b1": (units,), "w2": (units, 1), "b2": (1,)}
    return {name: 0.05 * rng.normal(size=s).astype("float32") for name, s in shapes.items()}


def loss(weights: Any, x: Any, y: Any) -> Any:
    """Of that network."""
    hidden = jnp.tanh(x @ weights["w1"] + weights["b1"])
    return jnp.mean((hidden @ weights["w2"] + weights["b2"] - y) ** 2)


class PlainServer:
    """What one writes by hand: weights, and an update for each gradient; nothing survives it."""

    def __init__(self, weights: Any):
        jax.config.update("jax_platforms", "cpu")
        self.weights, self.optimizer = weights, optax.sgd(RATE)
        self.slots = self.optimizer.init(weights)
        self.update = jax.jit(self._update)

    def _update(self, weights: Any, slots: Any, gradients: Any) -> Any:
        changes, slots = self.optimizer.update(gradients, slots, weights)
        return optax.apply_updates(weights, changes), slots

    def pull(self) -> Any:
        """The weights."""
        return self.weights

    def push(self, gradients: Any) -> None:
        """Move them."""
        moved = self.update(self.weights, self.slots, gradients)
        self.weights, self.slots = jax.tree.map(np.asarray, moved)


class PlainWorker:
    """Pulls, computes, pushes."""

    def __init__(self, server: Any):
        jax.config.update("jax_platforms", "cpu")
        self.server, self.gradients = server, jax.jit(jax.value_and_grad(loss))

    def step(self, x: Any, y: Any) -> Any:
        """One step; its loss."""
        value, gradients = jax.device_get(self.gradients(ray.get(self.server.pull.remote()), x, y))
        ray.get(self.server.push.remote(gradients))
        return value


def plain(data: Any, weights: Any) -> Callable[[], None]:
    """A loop that keeps two steps with each worker, as `ray.wait` is used for."""
    server = ray.remote(num_cpus=0)(PlainServer).remote(weights)
    workers = [ray.remote(num_cpus=0)(PlainWorker).remote(server) for _ in range(WORKERS)]

    def run() -> None:
        waiting = iter(data)
        running = {}
        for worker in workers * 2:
            running[worker.step.remote(*next(waiting))] = worker
        while running:
            (done,), _ = ray.wait(list(running))
            worker = running.pop(done)
            ray.get(done)
            if (batch := next(waiting, None)) is not None:
                running[worker.step.remote(*batch)] = worker

    return run


def all_of(data: Any, step: Callable[..., Any], coordinator: Any) -> None:
    """A step for each batch; wait for all."""
    for batch in data:
        coordinator.schedule(step, batch)
    coordinator.join()


def scheduled(data: Any, weights: Any, strategy: Any) -> Callable[[], None]:
    """The same by ClusterCoordinator; updates are written down, and dead workers replaced."""
    parameters = strategy.create_parameters(weights, nn.optimizers.SGD(RATE))
    coordinator = nn.distributed.ClusterCoordinator(strategy)
    compiled: dict[str, Any] = {}

    def step(x: Any, y: Any) -> Any:
        if not compiled:
            compiled["gradients"] = jax.jit(jax.value_and_grad(loss))
        value, gradients = jax.device_get(compiled["gradients"](parameters.pull(), x, y))
        parameters.push(gradients)
        return value

    return lambda: all_of(data, step, coordinator)


def fitted(data: Any, features: int, units: int, strategy: Any) -> Callable[[], None]:
    """The same by `fit`, which keeps the logs as well."""
    with strategy.scope():
        layers = [nn.layers.Dense(units, "tanh"), nn.layers.Dense(1)]
        model = nn.Sequential([nn.Input((features,)), *layers])
        model.compile(nn.optimizers.SGD(RATE), "mse")
    return lambda: model.fit(iter(data), steps_per_epoch=len(data), verbose=0)


def looked_up(table: Any, places: Any, y: Any) -> Any:
    """Of a model that sums rows of a table."""
    return jnp.mean((table[places].sum((1, 2)) - y) ** 2)


def embedded(data: Any, table: Any, strategy: Any, by_rows: bool) -> Callable[[], None]:
    """Steps that read some rows of a table: these alone, or all of it."""
    parameters = strategy.create_parameters({"table": table}, nn.optimizers.SGD(RATE))
    coordinator = nn.distributed.ClusterCoordinator(strategy)
    compiled: dict[str, Any] = {}

    def step(ids: Any, y: Any) -> Any:
        if not compiled:
            compiled["gradients"] = jax.jit(jax.value_and_grad(looked_up))
        if not by_rows:
            found = compiled["gradients"](parameters.pull()["table"], ids, y)
            value, gradient = jax.device_get(found)
            parameters.push({"table": gradient})
            return value
        once, places = np.unique(ids, return_inverse=True)
        rows = np.zeros((ids.size, table.shape[1]), table.dtype)  # one shape for all batches
        rows[: len(once)] = parameters.pull(rows={"table": once})["table"]
        found = compiled["gradients"](rows, places.reshape(ids.shape), y)
        value, gradient = jax.device_get(found)
        parameters.push({"table": nn.distributed.Rows(once, gradient[: len(once)])})
        return value

    return lambda: all_of(data, step, coordinator)


def fitted_table(data: Any, table: Any, strategy: Any) -> Callable[[], None]:
    """By `fit`, which reads rows by itself; the model gets the whole table behind each epoch."""
    with strategy.scope():
        layers = [nn.layers.Embedding(*table.shape), nn.layers.GlobalAveragePooling1D()]
        model = nn.Sequential([nn.Input((10,), dtype="int32"), *layers, nn.layers.Dense(1)])
        model.compile(nn.optimizers.SGD(RATE), "mse")
    return lambda: model.fit(iter(data), steps_per_epoch=len(data), verbose=0)


def measure_tables(options: Any) -> list[str]:
    """Whole tables against rows: lines of the file."""
    rng = np.random.default_rng(0)
    ids = rng.integers(0, options.words, (options.steps, options.rows, 10)).astype("int32")
    data = [(one, np.ones((options.rows,), "float32")) for one in ids]
    table = np.zeros((options.words, 32), "float32")
    strategies = [nn.distributed.ParameterServerStrategy() for _ in range(3)]
    contenders = {
        "whole tables are pulled and pushed": embedded(data, table, strategies[0], by_rows=False),
        "rows, by steps of one's own": embedded(data, table, strategies[1], by_rows=True),
        "`fit`": fitted_table([(x, y[:, None]) for x, y in data], table, strategies[2]),
    }
    return [
        "# Rows against whole tables",
        "",
        *facts(),
        f"{options.rows} rows of 10 ids, a table of {options.words:,} x 32 "
        f"({table.nbytes / 1e6:.0f} MB), SGD; `fit`",
        f"also brings the whole table back behind its {options.steps} steps.",
        "",
        *head("whole tables"),
        *measure(contenders, options),
    ]


def main() -> None:
    """Measure, print the table, and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--rows", type=int, default=256)
    parser.add_argument("--features", type=int, default=256)
    parser.add_argument("--units", type=int, default=512)
    parser.add_argument("--words", type=int, default=0)
    options = parser.parse_args()
    lines = measure_tables(options) if options.words else measure_steps(options)
    print("\n".join(lines))
    write("\n".join(lines) + "\n")


def measure_steps(options: Any) -> list[str]:
    """Steps by hand and ours: lines of the file."""
    features, units = options.features, options.units
    data = batches(options.steps, options.rows, features)
    weights = initial(features, units)
    strategy = nn.distributed.ParameterServerStrategy()
    strategy.cluster()
    by_hand = plain(data, weights)
    ours = scheduled(data, weights, strategy)
    rows = measure(
        {"plain loop beside the coordinator": by_hand, "`ClusterCoordinator`": ours}, options
    )
    ours = fitted(data, features, units, strategy)
    rows += measure({"plain loop beside `fit`": by_hand, "`fit`": ours}, options)
    size = sum(array.nbytes for array in weights.values())
    return [
        "# Parameter servers against a plain loop over Ray",
        "",
        *facts(),
        "The same steps by actors written by hand, by `ClusterCoordinator.schedule` and by `fit`.",
        "Ours also write every update down before they confirm it. Rounds of `fit` are whole",
        "calls: weights go to the server and come back. What makes the difference: arrays up to",
        "4 MB go along with the calls of Ray, in pieces below the 100 KB from which on Ray would",
        f"use its object store. {options.rows} rows, {features} x {units} units, "
        f"{size / 1e3:.0f} KB of weights.",
        "",
        *head("the plain loop"),
        *rows,
    ]


def facts() -> list[str]:
    """What was run, and on what."""
    return [
        f"`python benchmarks/parameter_server.py {' '.join(sys.argv[1:])}`: contenders in turns,",
        f"{WORKERS} workers, one server; ratios are medians of those of rounds. "
        f"jax {jax.__version__}, Ray {ray.__version__},",
        f"Python {platform.python_version()}, {os.cpu_count()} cores.",
    ]


def head(first: str) -> list[str]:
    """Of a table."""
    return [f"| | steps/s | ratio to {first}, median | best rounds |", "|---|---:|---:|---:|"]


def write(section: str) -> None:
    """Put a section in the place of the one of its title."""
    file = Path(__file__).with_suffix(".md")
    kept = re.split(r"^(?=# )", file.read_text(), flags=re.MULTILINE) if file.exists() else []
    sections = {text.splitlines()[0]: text.strip() + "\n" for text in (*kept, section) if text}
    file.write_text("\n".join(sections.values()))


def measure(contenders: dict[str, Callable[[], None]], options: Any) -> list[str]:
    """Run them in turn; the first is what the others are compared with. Rows of a table."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for count in range(options.rounds + 1):
        for name, run in contenders.items():
            began = time.perf_counter()
            run()
            if count:  # the first round compiles
                seconds[name].append(time.perf_counter() - began)
    first, *_ = seconds.values()
    rows = []
    for name, times in seconds.items():
        rate = options.steps / statistics.median(times)
        ratios = [mine / other for mine, other in zip(first, times, strict=True)]
        best = min(first) / min(times)
        rows.append(f"| {name} | {rate:.1f} | {statistics.median(ratios):.2f} | {best:.2f} |")
    return rows


if __name__ == "__main__":
    main()
