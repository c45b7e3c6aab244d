"""Run by test_kill_while_saving.py: children save over and over, and are killed.

Prints, as JSON, how often a save was cut short, and what was wrong with a file afterwards.
"""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import numpy as np

import nnlib as nn
from nnlib.saving.atomic import writing

KILLS = 50


def make():
    model = nn.Sequential([nn.Input((200,)), nn.layers.Dense(200), nn.layers.Dense(50)])
    model.compile("sgd", "mse")
    return model


def fill(model, number):
    """All weights are this number. As NumPy arrays: a forked child must not use JAX."""
    for _, layer, name, weight in model.weight_specs():
        layer._core.cell[name] = np.full(weight.shape, number, weight.dtype)


def whole(arrays):
    """The number that all arrays hold, or an error."""
    values = {float(v) for array in arrays for v in np.unique(np.asarray(array))}
    assert len(values) == 1, sorted(values)[:5]
    return values.pop()


def save_weights(model, path):
    model.save_weights(path)


def load_weights(path):
    model = make()
    model.load_weights(path)
    return whole(model.get_weights())


def save_folder(model, path):
    with writing(path) as new:
        new.mkdir()
        for number, array in enumerate(model.get_weights()):
            np.save(new / f"{number}.npy", array)


FORMATS = {
    "a.keras": (
        lambda model, path: model.save(path, include_optimizer=False),
        lambda path: whole(nn.models.load_model(path).get_weights()),
    ),
    "a.h5": (
        lambda model, path: model.save(path, include_optimizer=False),
        lambda path: whole(nn.models.load_model(path).get_weights()),
    ),
    "a.weights.h5": (save_weights, load_weights),
    "a.safetensors": (save_weights, load_weights),
    "folder": (save_folder, lambda path: whole(np.load(path / f"{n}.npy") for n in range(4))),
}


def child(model, path, save, ready):
    number = 0
    while True:
        number += 1
        fill(model, number)
        save(model, path)
        if number == 1:
            os.write(ready, b"x")


def main(folder):
    generator = random.Random(0)
    model = make()
    model.trainer.compiled = None  # nothing but the weights: they are NumPy arrays
    cut, wrong = 0, []
    for kill in range(KILLS):
        name = list(FORMATS)[kill % len(FORMATS)]
        save, load = FORMATS[name]
        path = folder / name
        ready, begun = os.pipe()
        pid = os.fork()
        if pid == 0:
            child(model, path, save, begun)
        os.read(ready, 1)
        time.sleep(generator.uniform(0, 0.03))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(ready), os.close(begun)
        cut += any(folder.glob(".*.tmp"))
        try:
            load(path)
        except Exception as error:
            wrong.append(f"{name}: {error!r}")
        fill(model, -1)
        save(model, path)
    left = [path.name for path in folder.iterdir() if path.name not in FORMATS]
    print(json.dumps({"cut": cut, "wrong": wrong, "left": left}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
