"""Layers that prepare tables and texts, against the installed Keras as far as that runs on JAX."""

import jax.numpy as jnp
import numpy as np
import pytest

from nnlib import layers
from tests.parity.layer_parity import check_signature, close

DATA = np.random.default_rng(0).normal(2.0, 3.0, (40, 3, 2)).astype("float32")
INTEGERS = np.random.default_rng(1).integers(0, 6, (5, 4))

SIGNATURES = {
    "CategoryEncoding": (),
    "Discretization": (),
    "HashedCrossing": (),
    "Hashing": (),
    "IntegerLookup": (),
    "Normalization": (),
    "StringLookup": (),
    "TextVectorization": (),
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_arguments_and_defaults(keras, name):
    check_signature(keras, name)


@pytest.mark.parametrize("arguments", [
    {}, {"axis": None}, {"axis": (1, 2), "invert": True}, {"axis": 1},
    {"mean": 3.0, "variance": 2.0}, {"axis": (1, -1), "mean": [1.0, 2.0], "variance": [0.5, 0.0]},
    {"axis": (1, 2), "mean": [[1.0], [2.0], [3.0]], "variance": [[1.0], [0.0], [3.0]]},
], ids=str)  # fmt: skip
def test_normalization(keras, arguments):
    theirs, ours = keras.layers.Normalization(**arguments), layers.Normalization(**arguments)
    if "mean" not in arguments:
        theirs.adapt(DATA)
        ours.adapt(DATA)
    close(ours(DATA), theirs(jnp.asarray(DATA)))
    close(ours.get_weights(), theirs.get_weights())


@pytest.mark.parametrize("name", ["mixed_bfloat16", "float32"])
def test_categories(keras, name):
    for mode in ("one_hot", "multi_hot", "count"):
        for values in (INTEGERS, INTEGERS[:, :1], INTEGERS[0]):
            arguments = {"num_tokens": 6, "output_mode": mode, "dtype": name}
            weights = {"count_weights": values * 0.5} if mode == "count" else {}
            theirs = keras.layers.CategoryEncoding(**arguments)(jnp.asarray(values), **weights)
            close(layers.CategoryEncoding(**arguments)(values, **weights), theirs)


@pytest.mark.parametrize("mode", ["int", "one_hot", "multi_hot", "count"])
def test_discretization(keras, mode):
    arguments = {"bin_boundaries": [-1.0, 0.0, 2.5], "output_mode": mode}
    values = np.array([[-2.0, -1.0, 0.5], [2.5, 9.0, -0.5], [0.0, np.inf, -np.inf]], "float32")
    for x in (values, values[:, :1], values[0]):
        close(
            layers.Discretization(**arguments)(x),
            keras.layers.Discretization(**arguments)(jnp.asarray(x)),
        )


@pytest.mark.parametrize("bins", [2, 4, 10, 37])
@pytest.mark.parametrize("epsilon", [0.01, 0.1, 0.003])
def test_boundaries_of_a_stream(keras, bins, epsilon):
    generator = np.random.default_rng(bins)
    batches = [generator.normal(size=size) ** 3 for size in (3, 50, 1000, 1, 333)]
    theirs = keras.layers.Discretization(num_bins=bins, epsilon=epsilon)
    for batch in batches:  # adapt() needs TensorFlow
        theirs.update_state(batch)
    theirs.finalize_state()
    ours = layers.Discretization(num_bins=bins, epsilon=epsilon)
    ours.adapt(batches)
    assert ours.bin_boundaries == theirs.bin_boundaries
