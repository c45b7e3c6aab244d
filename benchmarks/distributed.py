"""What training on many devices costs over hand-written JAX, as ratios.

    python benchmarks/distributed.py [--devices 1 2 8] [--rounds 30] [--steps 20]

On CPUs the devices are virtual ones that share the machine's cores, so nothing here says how
training scales; it says what `strategy.run` adds to `jax.jit(jax.shard_map(...))`. The contenders
take turns of some steps in one process: the machine may be slow or noisy, the ratios still hold.
"""

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

import nnlib as nn

LAYERS, WIDTH, ROWS = 10, 64, 64
Step = Callable[[Any, Any], Any]


def weights(width: int) -> dict[str, Any]:
    """20 leaves: a kernel and a bias for each layer."""
    rng = np.random.default_rng(0)
    return {
        f"dense_{index}": {
            "kernel": jnp.asarray(rng.normal(0, width**-0.5, (width, width)), "float32"),
            "bias": jnp.zeros(width),
        }
        for index in range(LAYERS)
    }


def loss(params: Any, x: Any) -> Any:
    """Of a plain network that should give its input back."""
    y = x
    for layer in params.values():
        y = jnp.tanh(y @ layer["kernel"] + layer["bias"][None])
    return jnp.mean(jnp.square(y - x))


def updated(params: Any, grads: Any) -> Any:
    """One step of gradient descent."""
    return jax.tree.map(lambda p, g: p - 0.01 * g, params, grads)


def by_strategy(strategy: Any) -> Step:
    """The step as `strategy.run` takes it."""

    def step(params: Any, x: Any) -> Any:
        value, grads = jax.value_and_grad(loss)(params, x)
        context = nn.distributed.get_replica_context()
        return updated(params, context.all_reduce("MEAN", grads)), value

    return lambda params, x: strategy.run(step, args=(params, x))


def by_hand(mesh: Mesh) -> Step:
    """The same with JAX alone; every replica has its own copy of params, as it has there."""

    def step(params: Any, x: Any) -> Any:
        params = jax.tree.map(lambda a: a[0], params)
        value, grads = jax.value_and_grad(loss)(params, x[0])
        grads = jax.lax.pmean(grads, "replica")
        return jax.tree.map(lambda a: a[None], (updated(params, grads), value))

    cut = P("replica")
    return jax.jit(
        jax.shard_map(step, mesh=mesh, in_specs=(cut, cut), out_specs=cut, check_vma=False)
    )


class Contender:
    """A step, and the params that it has come to.

    Args:
        step: (params, x) -> (params, loss).
        params: to begin with.
        x: every batch.
    """

    def __init__(self, step: Step, params: Any, x: Any):
        self.step, self.params, self.x = step, params, x
        self.seconds: list[float] = []
        self.dispatch: list[float] = []

    def take(self, count: int, noted: bool = True) -> None:
        """So many steps; each is waited for, as on a device that is fast."""
        for _ in range(count):
            began = time.perf_counter()
            self.params, value = self.step(self.params, self.x)
            sent = time.perf_counter()
            jax.block_until_ready((self.params, value))
            if noted:
                self.seconds.append(time.perf_counter() - began)
                self.dispatch.append(sent - began)


def compare(count: int, rounds: int, steps: int, width: int) -> str:
    """One row of the table."""
    strategy = nn.distributed.MirroredStrategy(jax.devices()[:count])
    x = np.random.default_rng(1).normal(size=(ROWS, width)).astype("float32")
    cut = NamedSharding(strategy.mesh, P("replica"))
    parts = jax.device_put(x.reshape(count, -1, width), cut)
    params = weights(width)
    stacked = jax.tree.map(lambda a: jax.device_put(jnp.stack([a] * count), cut), params)
    given = parts[0] if count == 1 else nn.distributed.PerReplica.of_array(parts)
    contenders = [
        Contender(by_strategy(strategy), params, given),
        Contender(by_hand(strategy.mesh), stacked, parts),
    ]
    for contender in contenders:
        contender.take(5, noted=False)
    for turn in range(rounds):
        for contender in contenders[:: 1 if turn % 2 else -1]:
            contender.take(2, noted=False)  # the caches are those of the other one
            contender.take(steps)
    ours, hand = (low(contender.seconds) for contender in contenders)
    dispatched = [low(contender.dispatch) for contender in contenders]
    medians = [statistics.median(contender.seconds) for contender in contenders]
    own = strategy.experimental_local_results(contenders[0].params)[0]
    theirs = jax.tree.map(lambda a: a[0], contenders[1].params)
    same = jax.tree.map(np.array_equal, own, theirs)
    assert all(jax.tree.leaves(same)), "the contenders came to different params"
    return (
        f"| {count} | {1e3 * ours:.3f} | {1e3 * hand:.3f} | {ours / hand:.3f} | "
        f"{medians[0] / medians[1]:.3f} | {1e6 * (ours - hand):+.0f} | "
        f"{1e6 * (dispatched[0] - dispatched[1]):+.0f} |"
    )


def low(seconds: list[float]) -> float:
    """The tenth part: what the machine does when nothing disturbs it."""
    return statistics.quantiles(seconds, n=10)[0]


def main() -> None:
    """Measure, print the table, and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, nargs="+", default=[1, 2, 8])
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--width", type=int, default=WIDTH)
    options = parser.parse_args()
    jax.config.update("jax_num_cpu_devices", max(options.devices))
    lines = [
        "# strategy.run against shard_map written by hand",
        "",
        "`python benchmarks/distributed.py`: a training step on virtual CPU devices, in turns.",
        f"jax {jax.__version__}, Python {platform.python_version()}, {os.cpu_count()} cores; "
        f"{2 * LAYERS} weights of width {options.width}, {ROWS} rows.",
        "Times are the fastest tenth; the ratio of the medians stands beside theirs. The last two",
        "columns are what `run` adds to a step and to its dispatch.",
        "",
        "| devices | run, ms | by hand, ms | ratio | of medians | step, us | dispatch, us |",
        "|---:|---:|---:|---:|---:|---:|---:|",
    ]
    print("\n".join(lines))
    for count in options.devices:
        lines.append(compare(count, options.rounds, options.steps, options.width))
        print(lines[-1], flush=True)
    Path(__file__).with_suffix(".md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
