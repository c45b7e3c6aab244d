"""What workers do in `test_faults.py`: they train, and die as they are told."""

import hashlib
import json
import os
import signal
import sys
import time
from pathlib import Path

import jax
import numpy as np

import nnlib as nn

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 4)).astype("float32")
Y = RNG.normal(size=(40, 1)).astype("float32")
SAVED_EVERY, STEPS = 5, 40
AGAIN = 75
FATES = {(1, 0, 7): signal.SIGKILL, (2, 1, 9): signal.SIGKILL, (3, 1, 12): signal.SIGTERM}
"""What happens at which (attempt, process, step)."""


class Fate(nn.callbacks.Callback):
    """Sends signals to its process, each time that `fates` says so, and notes every step."""

    def __init__(self, notes, fates):
        self.notes, self.fates = notes, fates
        self.attempt = int(os.environ["NNLIB_ATTEMPT"])

    def on_train_batch_end(self, batch, logs=None):
        step = int(self.model.optimizer.iterations)
        with self.notes.open("a") as file:
            file.write(json.dumps([self.attempt, step, os.getpid()]) + "\n")
        fate = self.fates.get((self.attempt, jax.process_index(), step))
        if fate is not None:
            os.kill(os.getpid(), fate)
        if signal.SIGTERM in [
            f for (attempt, *_), f in self.fates.items() if attempt == self.attempt
        ]:
            time.sleep(0.05)  # the processes take a second to agree


def fit(strategy, callbacks, epochs=STEPS // 5):
    nn.utils.set_random_seed(5)
    with strategy.scope():
        made = nn.Sequential(
            [nn.Input((4,)), nn.layers.Dense(4, "tanh"), nn.layers.Dropout(0.5), nn.layers.Dense(1)]
        )
        made.compile("adam", "mse")
    made.fit(X, Y, batch_size=8, epochs=epochs, verbose=0, callbacks=callbacks)
    weights = map(np.asarray, made.get_weights())
    return hashlib.sha256(b"".join(w.tobytes() for w in weights)).hexdigest()


def train(folder):
    nn.distributed.MultiWorkerMirroredStrategy()  # connects
    strategy = nn.distributed.ShardedStrategy()  # weights and slots are cut over the processes
    index = jax.process_index()
    # A disk of its own for each: what the chief saved is enough.
    saved = nn.distributed.PreemptionCheckpoint(
        folder / f"backup-{index}", save_freq=SAVED_EVERY, exit_code=AGAIN
    )
    found = fit(strategy, [saved, Fate(folder / f"notes-{index}.txt", FATES)])
    uninterrupted = fit(strategy, [])
    (folder / f"digests-{index}.json").write_text(json.dumps([found, uninterrupted]))


def outlive(folder, fates):
    """One process kills itself, the others go on; what was trained, and what without all that."""
    strategy = nn.distributed.MultiWorkerMirroredStrategy()
    index = jax.process_index()
    saved = nn.distributed.PreemptionCheckpoint(folder / f"backup-{index}")
    fate = Fate(folder / f"notes-{index}.txt", fates)
    return fit(strategy, [saved, fate], 2), fit(strategy, [], 2), os.getpid()


def silent(folder):
    """The second process says nothing any more, while the first waits for it."""
    cluster = nn.distributed.TFConfigClusterResolver()
    nn.distributed.connect_to_cluster(cluster, heartbeat_seconds=5, collective_seconds=2)
    strategy = nn.distributed.MultiWorkerMirroredStrategy(cluster)
    strategy.placement_of(None).peers.meet()
    if jax.process_index() == 1:
        os.kill(os.getpid(), signal.SIGSTOP)
    began = time.time()
    try:
        fit(strategy, [])
    except Exception as error:
        (folder / "collective.json").write_text(
            json.dumps([time.time() - began, type(error).__name__])
        )
    time.sleep(60)


def cut(folder):
    """Trains until the link between the two machines is cut, and then as long as it may."""
    cluster = nn.distributed.TFConfigClusterResolver()
    nn.distributed.connect_to_cluster(cluster, heartbeat_seconds=4)
    strategy = nn.distributed.MultiWorkerMirroredStrategy(cluster)
    peers = strategy.placement_of(None).peers
    peers.meet()
    (folder / f"met-{jax.process_index()}").touch()
    while True:
        peers.meet()


if __name__ == "__main__":
    {"train": train, "silent": silent, "cut": cut}[sys.argv[1]](Path(sys.argv[2]))
