"""Write expected.json: layers and outputs of the installed Keras' networks.

    KERAS_BACKEND=jax python -m tests.applications.make_expected

It takes some minutes.
"""

import gc
import json
from pathlib import Path

import keras
import numpy as np

from tests.applications.described import (
    NETWORKS,
    RUN,
    description,
    fill,
    image_of,
    key_of,
    made,
)

# Weights are filled in later: to draw them would take most of the time.
keras.initializers.VarianceScaling.__call__ = lambda self, shape, dtype=None: np.zeros(shape, dtype)

TARGET = Path(__file__).with_name("expected.json")


def fresh(*asked):
    """A network with the names that it has in a new process."""
    keras.backend.clear_session()
    gc.collect()
    return made(keras.applications, *asked)


def outputs_of(model, size):
    fill(model)
    return np.asarray(model(image_of(size)))[:, :10].round(6).tolist()


def main():
    layers, outputs = {}, {}
    for title, arguments in NETWORKS:
        layers[key_of(title, arguments)] = description(fresh(title, arguments))
        print(key_of(title, arguments), flush=True)
    for title, arguments, size in RUN:
        found = outputs_of(fresh(title, arguments, size), size)
        outputs[key_of(title, arguments, size)] = found
        print(key_of(title, arguments, size), found[0][:3], flush=True)
    TARGET.write_text(json.dumps({"layers": layers, "outputs": outputs}, indent=1) + "\n")


if __name__ == "__main__":
    main()
