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

ATTEMPT = int(os.environ.get("NNLIB_ATTEMPT", "1"))
RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 4)).astype("float32")
Y = RNG.normal(size=(40, 1)).astype("float32")
KILLED_AT, TOLD_AT, SAVED_EVERY, STEPS = 7, 12, 5, 40
AGAIN = 75


class Fate(nn.callbacks.Callback):
    """Kills its process in the first attempt, and tells it to end in the second."""

    def __init__(self, notes):
        self.notes = notes

    def on_train_batch_end(self, batch, logs=None):
        step = int(self.model.optimizer.iterations)
        with self.notes.open("a") as file:
            file.write(json.dumps([ATTEMPT, step]) + "\n")
        if jax.process_index() == 1 and (ATTEMPT, step) == (1, KILLED_AT):
            os.kill(os.getpid(), signal.SIGKILL)
        if jax.process_index() == 1 and (ATTEMPT, step) == (2, TOLD_AT):
            os.kill(os.getpid(), signal.SIGTERM)
        if ATTEMPT == 2 and step >= TOLD_AT:
            time.sleep(0.1)  # the processes take a second to agree


def fit(strategy, callbacks):
    nn.utils.set_random_seed(5)
    with strategy.scope():
        made = nn.Sequential(
            [nn.Input((4,)), nn.layers.Dense(4, "tanh"), nn.layers.Dropout(0.5), nn.layers.Dense(1)]
        )
        made.compile("adam", "mse")
    made.fit(X, Y, batch_size=8, epochs=STEPS // 5, verbose=0, callbacks=callbacks)
    return hashlib.sha256(b"".join(w.tobytes() for w in map(np.asarray, made.get_weights())))


def train(folder):
    nn.distributed.MultiWorkerMirroredStrategy()  # connects
    strategy = nn.distributed.ShardedStrategy()  # weights and slots are cut over the processes
    index = jax.process_index()
    # A disk of its own for each: what the chief saved is enough.
    saved = nn.distributed.PreemptionCheckpoint(
        folder / f"backup-{index}", save_freq=SAVED_EVERY, exit_code=AGAIN
    )
    found = fit(strategy, [saved, Fate(folder / f"notes-{index}.txt")]).hexdigest()
    uninterrupted = fit(strategy, []).hexdigest()
    (folder / f"digests-{index}.json").write_text(json.dumps([found, uninterrupted]))


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
