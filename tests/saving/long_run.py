"""A fit that backs itself up: run as a process by test_kill_and_resume, and killed there."""

import json
import sys
from pathlib import Path

import numpy as np

import nnlib as nn
from nnlib import layers


def make() -> nn.Sequential:
    model = nn.Sequential(
        [
            nn.Input((12,)),
            layers.Dense(16, activation="relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.3),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def main(folder: Path, save_freq: str) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(203, 12)), rng.integers(0, 3, 203)
    nn.utils.set_random_seed(5)
    model = make()
    freq = "epoch" if save_freq == "epoch" else int(save_freq)
    backup = nn.callbacks.BackupAndRestore(folder / "backup", save_freq=freq)

    class Tell(nn.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            print("batch", batch, flush=True)

    history = model.fit(
        x, y, epochs=4, batch_size=10, verbose=0, callbacks=[backup, Tell()]
    ).history
    np.savez(folder / "weights.npz", *model.get_weights())
    (folder / "history.json").write_text(json.dumps({k: v[-1] for k, v in history.items()}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
