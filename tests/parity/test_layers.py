"""The same numbers as the installed Keras: outputs, gradients, statistics, names, defaults."""

import jax
import jax.numpy as jnp
import pytest

from nnlib import layers
from tests.parity.layer_parity import (
    arrays_for,
    call_id,
    check_row,
    check_signature,
    close,
    pair_of,
    weighted_sum,
)

IMAGE = (2, 7, 6, 4)

# (class, arguments, input shape, or shapes for a list)
ROWS = [
    ("Dense", {"units": 3}, (2, 4)),
    ("Dense", {"units": 3, "activation": "relu", "use_bias": False}, (2, 5, 4)),
    ("Conv1D", {"filters": 3, "kernel_size": 3}, (2, 8, 4)),
    ("Conv1D", {"filters": 3, "kernel_size": 3, "padding": "causal"}, (2, 8, 4)),
    (
        "Conv1D",
        {"filters": 4, "kernel_size": 2, "padding": "causal", "dilation_rate": 3, "groups": 2},
        (2, 9, 4),
    ),
    ("Conv1D", {"filters": 3, "kernel_size": 3, "strides": 2, "padding": "same"}, (2, 8, 4)),
    ("Conv2D", {"filters": 3, "kernel_size": 3}, IMAGE),
    ("Conv2D", {"filters": 3, "kernel_size": (2, 3), "strides": (2, 1)}, IMAGE),
    ("Conv2D", {"filters": 3, "kernel_size": 3, "strides": 2, "padding": "same"}, IMAGE),
    ("Conv2D", {"filters": 3, "kernel_size": 4, "strides": 3, "padding": "same"}, IMAGE),
    ("Conv2D", {"filters": 4, "kernel_size": 2, "dilation_rate": (2, 3)}, IMAGE),
    ("Conv2D", {"filters": 6, "kernel_size": 3, "groups": 2, "padding": "same"}, IMAGE),
    (
        "Conv2D",
        {"filters": 3, "kernel_size": 3, "data_format": "channels_first", "activation": "tanh"},
        (2, 4, 7, 6),
    ),
    ("Conv2D", {"filters": 3, "kernel_size": 1, "use_bias": False}, IMAGE),
    ("DepthwiseConv2D", {"kernel_size": 3}, IMAGE),
    ("DepthwiseConv2D", {"kernel_size": 3, "depth_multiplier": 2, "padding": "same"}, IMAGE),
    ("DepthwiseConv2D", {"kernel_size": 3, "strides": 2, "padding": "same"}, IMAGE),
    ("DepthwiseConv2D", {"kernel_size": 2, "dilation_rate": 2}, IMAGE),
    (
        "DepthwiseConv2D",
        {"kernel_size": 3, "depth_multiplier": 2, "data_format": "channels_first"},
        (2, 4, 7, 6),
    ),
    ("MaxPooling2D", {}, IMAGE),
    ("MaxPooling2D", {"pool_size": 3, "strides": 2, "padding": "same"}, IMAGE),
    ("MaxPooling2D", {"pool_size": (2, 3), "data_format": "channels_first"}, (2, 4, 7, 6)),
    ("AveragePooling2D", {"pool_size": 2}, IMAGE),
    ("AveragePooling2D", {"pool_size": 3, "strides": 2, "padding": "same"}, IMAGE),
    (
        "AveragePooling2D",
        {"pool_size": 3, "padding": "same", "data_format": "channels_first"},
        (2, 4, 7, 6),
    ),
    ("GlobalAveragePooling2D", {}, IMAGE),
    ("GlobalAveragePooling2D", {"keepdims": True, "data_format": "channels_first"}, IMAGE),
    ("Flatten", {}, IMAGE),
    ("Flatten", {"data_format": "channels_first"}, IMAGE),
    ("Flatten", {}, (3,)),
    ("Reshape", {"target_shape": (6, -1)}, IMAGE),
    ("Activation", {"activation": "softplus"}, (2, 3)),
    ("ReLU", {}, (4, 9)),
    ("ReLU", {"max_value": 1.0, "negative_slope": 0.2, "threshold": 0.3}, (4, 9)),
    ("Softmax", {"axis": 1}, (2, 3, 4)),
    ("Softmax", {"axis": [1, 2]}, (2, 3, 4)),
    ("BatchNormalization", {}, (5, 3)),
    ("BatchNormalization", {"axis": 1, "momentum": 0.8, "epsilon": 1e-5}, (5, 3, 2, 2)),
    ("BatchNormalization", {"center": False}, IMAGE),
    ("BatchNormalization", {"scale": False}, IMAGE),
    ("LayerNormalization", {}, (2, 5, 4)),
    ("LayerNormalization", {"axis": [1, 2], "epsilon": 1e-5}, (2, 5, 4)),
    ("LayerNormalization", {"axis": 1, "center": False}, (2, 5, 4)),
    ("LSTM", {"units": 3}, (2, 5, 4)),
    ("LSTM", {"units": 3, "return_sequences": True, "go_backwards": True}, (2, 5, 4)),
    ("LSTM", {"units": 3, "return_sequences": True, "return_state": True}, (2, 5, 4)),
    ("LSTM", {"units": 3, "use_bias": False, "unroll": True}, (2, 4, 4)),
    (
        "LSTM",
        {"units": 3, "activation": "relu", "recurrent_activation": "hard_sigmoid"},
        (2, 5, 4),
    ),
    ("Add", {}, [(2, 3, 4), (2, 1, 4), (2, 4)]),
    ("Subtract", {}, [(2, 3), (2, 3)]),
    ("Multiply", {}, [(2, 3, 4), (2, 4)]),
    ("Average", {}, [(2, 3), (2, 3), (2, 1)]),
    ("Maximum", {}, [(2, 3), (2, 3)]),
    ("Minimum", {}, [(2, 3), (2, 3)]),
    ("Concatenate", {}, [(2, 3, 4), (2, 3, 1)]),
    ("Concatenate", {"axis": 1}, [(2, 3, 4), (2, 1, 4)]),
    ("Identity", {}, (2, 3)),
]


CALLS = [(row, False) for row in ROWS]
CALLS += [(row, True) for row in ROWS if row[0] == "BatchNormalization"]


@pytest.mark.parametrize(("row", "training"), CALLS, ids=call_id)
def test_outputs_gradients_and_state(keras, row, training):
    check_row(keras, row, training)


def test_embedding(keras):
    ids = jnp.asarray([[0, 4, 2], [2, 2, 1]])
    theirs, ours = pair_of(keras, "Embedding", {"input_dim": 5, "output_dim": 3}, ids)
    close(ours(ids), theirs(ids))
    close(ours(ids.astype("float32")), theirs(ids.astype("float32")))
    gradient = jax.grad(lambda p: weighted_sum(ours.apply(p, {}, ids)[0]))(ours.variables[0])
    table = [v.value for v in theirs.trainable_variables]
    want = jax.grad(lambda t: weighted_sum(theirs.stateless_call(t, [], ids)[0]))(table)
    close(gradient, want)


def test_lstm_begins_where_it_is_told(keras):
    x, h, c = arrays_for([(2, 5, 4), (2, 3), (2, 3)])
    options = {"units": 3, "return_state": True}
    theirs, ours = pair_of(keras, "LSTM", options, x)
    close(ours(x, initial_state=[h, c]), theirs(x, initial_state=[h, c]))


def test_softmax_with_a_mask(keras):
    x = arrays_for((2, 5))
    mask = jnp.asarray([[True, True, False, True, False], [False] * 5])
    close(layers.Softmax()(x, mask=mask), keras.layers.Softmax()(x, mask=mask))


def test_lambda(keras):
    x = arrays_for((2, 3))
    arguments = {"function": lambda x, power: x**power, "arguments": {"power": 2}}
    close(layers.Lambda(**arguments)(x), keras.layers.Lambda(**arguments)(x))


NOT_YET = {
    "Dense": {"quantization_config"},
    "Embedding": {"quantization_config"},
    "InputLayer": set(),
}
LORA = {"lora_rank", "lora_alpha"}  # Keras' Conv layers take them, too, among `**kwargs`
OURS_ALONE = {"Embedding": {"input_length"}, "Conv1D": LORA, "Conv2D": LORA}


@pytest.mark.parametrize("name", sorted({row[0] for row in ROWS} | set(NOT_YET) | {"Lambda"}))
def test_arguments_and_defaults_are_those_of_keras(keras, name):
    check_signature(keras, name, NOT_YET.get(name, ()), OURS_ALONE.get(name, ()))


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("AvgPool2D", "AveragePooling2D"),
        ("MaxPool2D", "MaxPooling2D"),
        ("GlobalAvgPool2D", "GlobalAveragePooling2D"),
        ("Convolution1D", "Conv1D"),
        ("Convolution2D", "Conv2D"),
    ],
)
def test_aliases(keras, alias, name):
    assert getattr(keras.layers, alias) is getattr(keras.layers, name)
    assert getattr(layers, alias) is getattr(layers, name)
