"""A program to start from: several processes train one model, and survive what clusters do.

The same file runs under `nnlib launch`, the JobSet and the Slurm script beside it, and alone.
"""

import argparse
import os

import numpy as np

import nnlib as nn

AGAIN = 75
"""The exit code that says: saved, start me again."""


def cluster() -> nn.distributed.ClusterResolver:
    """Slurm's, within a step of Slurm; else that of TF_CONFIG."""
    if "SLURM_PROCID" in os.environ:
        return nn.distributed.SlurmClusterResolver()
    return nn.distributed.TFConfigClusterResolver()


def data(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """The same arrays in every process, of which each takes its rows."""
    draw = np.random.default_rng(0)
    x = draw.normal(size=(rows, 16)).astype("float32")
    return x, x.sum(axis=1, keepdims=True)


def main() -> None:
    """Train, from the last backup if there is one."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--backup", required=True, help="a folder that outlives the processes")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--rows", type=int, default=1024)
    options = parser.parse_args()
    strategy = nn.distributed.MultiWorkerMirroredStrategy(cluster())  # before all that uses JAX
    with strategy.scope():
        model = nn.Sequential([nn.Input((16,)), nn.layers.Dense(64, "relu"), nn.layers.Dense(1)])
        model.compile("adam", "mse")
    x, y = data(options.rows)
    saved = nn.distributed.PreemptionCheckpoint(options.backup, exit_code=AGAIN)
    model.fit(x, y, batch_size=256, epochs=options.epochs, verbose=2, callbacks=[saved])


if __name__ == "__main__":
    main()
