"""Merging, reshaping, Lambda and weights: what the contract's table does not show."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import nnlib as nn
from nnlib import layers
from nnlib.core import settings


@pytest.mark.parametrize(
    ("function", "want"),
    [
        (layers.add, 5.0),
        (layers.subtract, -1.0),
        (layers.multiply, 6.0),
        (layers.average, 2.5),
        (layers.maximum, 3.0),
        (layers.minimum, 2.0),
    ],
)
def test_merging_functions(function, want):
    arrays = [jnp.full((1, 2), 2.0), jnp.full((1, 2), 3.0)]
    np.testing.assert_array_equal(function(arrays), jnp.full((1, 2), want))
    symbols = [nn.Input((2,)), nn.Input((2,))]
    assert function(symbols, name="merged").name == "merged"


def test_concatenate_functions():
    x, y = jnp.ones((2, 1)), jnp.zeros((2, 2))
    np.testing.assert_array_equal(layers.concatenate([x, y]), [[1, 0, 0], [1, 0, 0]])
    assert layers.concatenate([nn.Input((None, 3)), nn.Input((None, 3))], axis=-1).shape == (
        None,
        None,
        6,
    )


def test_a_vector_for_each_row_is_added_at_every_step():
    x, y = jnp.zeros((2, 3, 4)), jnp.arange(8.0).reshape(2, 4)
    np.testing.assert_array_equal(layers.Add()([x, y])[:, 1], y)


def test_one_row_is_added_to_every_row():
    x, y = jnp.zeros((3, 2)), jnp.ones((1, 2))
    np.testing.assert_array_equal(layers.Add()([x, y]), jnp.ones((3, 2)))
    assert layers.Add().compute_output_shape([(None, 2), (1, 2)]) == (None, 2)


def test_flatten_with_channels_first_gives_the_features_of_channels_last():
    x = jnp.arange(48.0).reshape(2, 2, 4, 3)
    first = layers.Flatten(data_format="channels_first")(jnp.moveaxis(x, -1, 1))
    np.testing.assert_array_equal(first, layers.Flatten()(x))


def test_the_global_data_format_is_taken_when_the_layer_is_made():
    settings.set_image_data_format("channels_first")
    layer = layers.MaxPooling2D()
    settings.set_image_data_format("channels_last")
    assert layer(jnp.ones((1, 3, 4, 4))).shape == (1, 3, 2, 2)
    assert layer.get_config()["data_format"] == "channels_first"


@pytest.mark.parametrize(
    ("shape", "target", "want"),
    [
        ((None, 4, 6), (-1, 3), (None, 8, 3)),
        ((None, None, 6), (-1, 3), (None, None, 3)),
        ((None, None, None, 2), (-1, 2), (None, None, 2)),
        ((2, 6), (3, 2), (2, 3, 2)),
    ],
)
def test_reshape_with_unknown_sizes(shape, target, want):
    assert layers.Reshape(target).compute_output_shape(shape) == want


def test_lambda_passes_training_on():
    layer = layers.Lambda(lambda x, training: x + 1 if training else x)
    assert layer(jnp.zeros(1), training=True).tolist() == [1.0]
    assert layer(jnp.zeros(1)).tolist() == [0.0]


def test_lambda_takes_functions_without_a_signature():
    assert layers.Lambda(jnp.square)(jnp.full(1, 3.0)).tolist() == [9.0]


def test_regularizers_are_added_to_the_losses():
    layer = layers.Conv2D(2, 1, kernel_regularizer=nn.regularizers.L2(0.5), bias_regularizer="l1")
    x = jnp.ones((1, 2, 2, 1))
    params = {"kernel": jnp.full((1, 1, 1, 2), 3.0), "bias": jnp.asarray([1.0, -2.0])}
    layer.declare(x)
    penalty = layer.apply_full(params, {}, x).penalty
    assert float(penalty) == pytest.approx(0.5 * 18 + 0.01 * 3)


def test_constraints_are_filed_with_the_weight():
    layer = layers.LSTM(2, recurrent_constraint="max_norm", bias_constraint=nn.constraints.NonNeg())
    layer.declare(jnp.ones((1, 2, 3)))
    found = {name: type(w.constraint).__name__ for name, w in layer.own_weights.items()}
    assert found == {"kernel": "NoneType", "recurrent_kernel": "MaxNorm", "bias": "NonNeg"}


def test_an_activation_may_be_a_layer():
    layer = layers.Dense(2, activation=layers.ReLU(max_value=1.0), kernel_initializer="ones")
    np.testing.assert_array_equal(layer(jnp.full((1, 3), 5.0)), [[1.0, 1.0]])


def test_integers_are_convolved_and_normalised_as_floats():
    image = jnp.arange(32, dtype="uint8").reshape(1, 4, 4, 2)
    for layer in (
        layers.Conv2D(2, 3),
        layers.DepthwiseConv2D(3),
        layers.AveragePooling2D(2),
        layers.GlobalAveragePooling2D(),
        layers.BatchNormalization(),
        layers.LayerNormalization(),
    ):
        np.testing.assert_allclose(layer(image), layer(image.astype("float32")), rtol=1e-5)
    assert layers.MaxPooling2D()(image).dtype == jnp.uint8


def test_average_of_padding_is_not_counted():
    y = layers.AveragePooling2D(3, strides=1, padding="same")(jnp.ones((1, 4, 5, 1)))
    np.testing.assert_allclose(y, jnp.ones((1, 4, 5, 1)), rtol=1e-6)


def test_softmax_of_a_row_that_is_masked_out():
    gradient = jax.grad(lambda x: layers.Softmax()(x, mask=jnp.zeros((1, 3), bool)).sum())
    np.testing.assert_array_equal(gradient(jnp.ones((1, 3))), np.zeros((1, 3)))
