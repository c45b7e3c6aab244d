"""The numbers of Keras for activations, normalisations, noise and merges."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nnlib import layers
from tests.parity.layer_parity import (
    arrays_for,
    call_id,
    check_row,
    check_signature,
    close,
    pair_of,
)

IMAGE = (2, 3, 4, 4)
RENORM = {"renorm": True, "renorm_momentum": 0.8}

# (class, arguments, input shape, or shapes for a list)
ROWS = [
    ("ELU", {}, (4, 3)),
    ("ELU", {"alpha": 0.3}, (4, 3)),
    ("LeakyReLU", {}, (4, 3)),
    ("LeakyReLU", {"negative_slope": 0.0}, (4, 3)),
    ("PReLU", {}, (4, 3, 2)),
    ("PReLU", {"shared_axes": [1, 2]}, IMAGE),
    ("PReLU", {"shared_axes": 1}, (4, 3, 2)),
    ("GroupNormalization", {"groups": 2}, IMAGE),
    ("GroupNormalization", {"groups": 3, "axis": 1, "epsilon": 1e-2}, IMAGE),
    ("GroupNormalization", {"groups": -1, "axis": -2, "center": False}, IMAGE),
    ("GroupNormalization", {"groups": 1, "scale": False}, (4, 6)),
    ("RMSNormalization", {}, (4, 3)),
    ("RMSNormalization", {"axis": [1, 2], "epsilon": 1e-2}, (4, 3, 2)),
    ("UnitNormalization", {}, (4, 3)),
    ("UnitNormalization", {"axis": [1, 2]}, (4, 3, 2)),
    ("BatchNormalization", RENORM, (5, 3)),
    (
        "BatchNormalization",
        RENORM | {"scale": False, "center": False, "axis": 1, "renorm_clipping": {"rmax": 1.1}},
        (5, 3, 2),
    ),
    (
        "BatchNormalization",
        RENORM | {"renorm_clipping": {"rmin": 0.9, "rmax": 1.5, "dmax": 0.5}, "center": False},
        (5, 3),
    ),
    ("ActivityRegularization", {"l1": 0.1, "l2": 0.2}, (4, 3)),
    ("AlphaDropout", {"rate": 0.3}, (4, 3)),
    ("GaussianDropout", {"rate": 0.3}, (4, 3)),
    ("GaussianNoise", {"stddev": 0.3}, (4, 3)),
    ("SpatialDropout1D", {"rate": 0.3}, (4, 3, 2)),
    ("SpatialDropout2D", {"rate": 0.3}, IMAGE),
    ("SpatialDropout3D", {"rate": 0.3}, (2, 3, 2, 2, 2)),
    ("Dot", {"axes": 1}, [(4, 3), (4, 3)]),
    ("Dot", {"axes": (2, 1)}, [(4, 3, 2), (4, 2, 5)]),
    ("Dot", {"axes": (1, 2), "normalize": True}, [(4, 3, 2), (4, 2, 3)]),
    ("Dot", {"axes": -1}, [(4, 3, 2), (4, 2)]),
    ("Dot", {"axes": -1}, [(4, 2), (4, 3, 2)]),
    ("Dot", {"axes": (1, 3)}, [(4, 3, 2, 2), (4, 5, 2, 3)]),
    ("Masking", {"mask_value": 0.5}, (4, 3, 2)),
]
CALLS = [(row, row[0] == "BatchNormalization") for row in ROWS]
CALLS += [(("BatchNormalization", RENORM, (5, 3)), False)]


@pytest.mark.parametrize(("row", "training"), CALLS, ids=call_id)
def test_outputs_gradients_and_state(keras, row, training):
    check_row(keras, row, training)


NAMES = {row[0] for row in ROWS} | {"SpectralNormalization", "Wrapper"}


@pytest.mark.parametrize("name", sorted(NAMES))
def test_arguments_and_defaults_are_those_of_keras(keras, name):
    check_signature(keras, name)


def test_batch_statistics_under_a_mask(keras):
    x = arrays_for((4, 3, 2))
    mask = jnp.asarray(np.random.default_rng(3).random((4, 3)) > 0.4)
    for axis in (-1, 1):
        options = {"axis": axis, "momentum": 0.7}
        theirs, ours = pair_of(keras, "BatchNormalization", options, x)
        close(ours(x, mask=mask, training=True), theirs(x, mask=mask, training=True))
        close(ours.get_weights(), theirs.get_weights())
        close(ours(x), theirs(x))


def test_synchronized_is_accepted():
    x = arrays_for((4, 3))
    both = [layers.BatchNormalization(synchronized=flag)(x, training=True) for flag in (0, 1)]
    close(*both)


def test_activity_penalty(keras):
    x = arrays_for((4, 3))
    theirs = keras.layers.ActivityRegularization(0.1, 0.2)
    theirs(x)
    applied = layers.ActivityRegularization(0.1, 0.2).apply_full({}, {}, x)
    close(applied.penalty, sum(theirs.losses))


INNER = [
    ("Dense", {"units": 3}, (2, 4)),
    ("Conv2D", {"filters": 2, "kernel_size": 2, "use_bias": False}, IMAGE),
]


def in_keras_order(layer):
    """The arrays of the layer within, then the vector."""
    return [*layer.layer.get_weights(), np.asarray(layer.vector_u)]


@pytest.mark.parametrize(("name", "options", "shape"), INNER)
def test_spectral_normalization_step_by_step(keras, name, options, shape):
    x = arrays_for(shape)
    theirs = keras.layers.SpectralNormalization(
        getattr(keras.layers, name)(**options), power_iterations=2
    )
    ours = layers.SpectralNormalization(getattr(layers, name)(**options), power_iterations=2)
    assert theirs(x).shape == ours(x).shape
    *rest, vector = in_keras_order(theirs)
    ours.set_weights([vector, np.ones((), "float32"), *rest])
    close(ours(x), theirs(x))
    for _ in range(3):  # Keras overwrites the kernel, we divide by a sigma of our own
        close(ours(x, training=True), theirs(x, training=True))
        close(ours.vector_u, theirs.vector_u.value)
        close(ours(x), theirs(x))


def test_spectral_normalization_gradient(keras):
    x = arrays_for((2, 4))
    theirs = keras.layers.SpectralNormalization(keras.layers.Dense(3))
    ours = layers.SpectralNormalization(layers.Dense(3))
    theirs(x)
    ours(x)
    *rest, vector = in_keras_order(theirs)
    ours.set_weights([vector, np.ones((), "float32"), *rest])
    trained = [v.value for v in theirs.trainable_variables]
    fixed = [v.value for v in theirs.non_trainable_variables]
    params, state = ours.variables
    want = jax.grad(lambda t: jnp.sum(theirs.stateless_call(t, fixed, x, training=True)[0] ** 2))(
        trained
    )
    got = jax.grad(lambda p: jnp.sum(ours.apply(p, state, x, training=True)[0] ** 2))(params)
    close([got["layer"]["kernel"], got["layer"]["bias"]], want)


@pytest.mark.parametrize("name", ["dot", "add", "maximum", "concatenate"])
def test_functions(keras, name):
    pair = arrays_for([(4, 3), (4, 3)])
    close(getattr(layers, name)(pair), getattr(keras.layers, name)(pair))
