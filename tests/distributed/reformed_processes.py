"""What workers do in `test_reforming.py`: they train, and one of them dies as it is told."""

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

ATTEMPT = int(os.environ["NNLIB_ATTEMPT"])
RNG = np.random.default_rng(0)
X = RNG.normal(size=(24, 4)).astype("float32")
Y = RNG.normal(size=(24, 1)).astype("float32")
STEPS = 12


class Fate(nn.callbacks.Callback):
    """Notes every step, and kills its process in some of them: {attempt: (process, step)}."""

    def __init__(self, notes, deaths):
        self.notes, self.deaths = notes, deaths

    def on_train_batch_end(self, batch, logs=None):
        step = int(self.model.optimizer.iterations)
        with self.notes.open("a") as file:
            file.write(json.dumps([ATTEMPT, step, os.getpid(), time.time()]) + "\n")
        if self.deaths.get(ATTEMPT) == (jax.process_index(), step):
            os.kill(os.getpid(), signal.SIGKILL)


def fit(strategy, callbacks):
    nn.utils.set_random_seed(5)
    with strategy.scope():
        made = nn.Sequential(
            [nn.Input((4,)), nn.layers.Dense(4, "tanh"), nn.layers.Dropout(0.5), nn.layers.Dense(1)]
        )
        made.compile("adam", "mse")
    made.fit(X, Y, batch_size=6, epochs=STEPS // 4, verbose=0, callbacks=callbacks)
    return hashlib.sha256(b"".join(map(np.ndarray.tobytes, map(np.asarray, made.get_weights()))))


def train(folder, deaths):
    strategy = nn.distributed.MultiWorkerMirroredStrategy()
    index = jax.process_index()
    saved = nn.distributed.PreemptionCheckpoint(folder / f"backup-{index}", exit_code=75)
    found = fit(strategy, [saved, Fate(folder / f"notes-{index}.txt", deaths)]).hexdigest()
    uninterrupted = fit(strategy, []).hexdigest()
    (folder / f"digests-{index}.json").write_text(json.dumps([found, uninterrupted]))


if __name__ == "__main__":
    given = json.loads(sys.argv[2])
    train(Path(sys.argv[1]), {int(attempt): tuple(death) for attempt, death in given.items()})
