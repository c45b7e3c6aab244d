"""Rows of the layers that every network begins with."""

import jax.numpy as jnp

from nnlib import layers
from tests.contract.case import case

IMAGE = (6, 5, 4)

CASES = [
    case(layers.InputLayer, (3,), inputs=[(3,)], follows_policy=False),
    case(layers.Dense, 4, "tanh", inputs=[(3,)], wrong=[(5,)]),
    case(
        layers.Dense,
        4,
        inputs=[(2, 3)],
        note="options",
        wrong=[()],
        free=[(None, 3)],
        options={"use_bias": False, "kernel_regularizer": "l2", "kernel_initializer": "he_normal"},
    ),
    case(
        layers.Conv1D, 4, 3, inputs=[(7, 3)], wrong=[(7, 2)], free=[(None, 3)], note="1",
        options={"padding": "causal", "dilation_rate": 2},
    ),
    case(layers.Conv2D, 4, 3, inputs=[IMAGE], wrong=[(6, 5, 3)], free=[(None, None, 4)]),
    case(
        layers.Conv2D, 4, (2, 3), inputs=[IMAGE], wrong=[(6, 5)], free=[(None, None, 4)],
        note="same", options={"strides": 2, "padding": "same", "groups": 2, "activation": "relu"},
        smooth=False,
    ),
    case(
        layers.Conv2D, 4, 3, inputs=[(4, 6, 5)], wrong=[(4, 2, 5)], free=[(4, None, None)],
        note="channels_first", options={"data_format": "channels_first"},
    ),
    case(
        layers.DepthwiseConv2D, 3, inputs=[IMAGE], wrong=[(6, 5, 3)], free=[(None, None, 4)],
        options={"depth_multiplier": 2},
    ),
    case(layers.MaxPooling2D, inputs=[IMAGE], wrong=[(1, 5, 4)], free=[(None, None, 4)]),
    case(
        layers.AveragePooling2D, 3, inputs=[IMAGE], wrong=[(6, 5)], free=[(None, None, 4)],
        options={"strides": 2, "padding": "same"},
    ),
    case(
        layers.GlobalAveragePooling2D, inputs=[IMAGE], wrong=[(6, 5)], free=[(None, None, 4)],
        options={"keepdims": True},
    ),
    case(layers.Flatten, inputs=[IMAGE], free=[(None, None, 4)]),
    case(layers.Reshape, (-1, 4), inputs=[(6, 2)], wrong=[(7,)], free=[(None, 4)]),
    case(layers.Activation, "gelu", inputs=[(3, 2)], free=[(None, 2)]),
    case(
        layers.ReLU, inputs=[(3, 2)], options={"negative_slope": 0.1, "max_value": 1.0},
        smooth=False,
    ),
    case(layers.Softmax, inputs=[(3, 2)], options={"axis": (1, 2)}, wrong=[(3,)]),
    case(layers.Dropout, 0.5, inputs=[(20,)], random=True),
    case(
        layers.Dropout, 0.5, inputs=[(20, 2)], random=True, note="shared", wrong=[(20,)],
        options={"noise_shape": (None, None, 1), "seed": 3},
    ),
    case(layers.BatchNormalization, inputs=[IMAGE], wrong=[(6, 5, 3)], free=[(None, None, 4)]),
    case(
        layers.BatchNormalization, 1, inputs=[(4, 3)], wrong=[(4, 3, 1)], note="axis",
        options={"scale": False, "momentum": 0.5},
    ),
    case(layers.LayerNormalization, inputs=[(3, 4)], wrong=[(3, 5)], free=[(None, 4)]),
    case(
        layers.LayerNormalization, [1, -1], inputs=[(3, 2, 4)], wrong=[(4, 2, 4)], note="axes",
        options={"center": False},
    ),
    case(
        layers.Embedding, 5, 4, inputs=[(3,)], wrong=[(2,)], dtype="int32",
        options={"input_length": 3},
    ),
    case(
        layers.LSTM, 4, inputs=[(5, 3)], wrong=[(5, 2)], free=[(None, 3)],
        options={"return_sequences": True, "return_state": True},
    ),
    case(
        layers.LSTM, 4, inputs=[(5, 3)], wrong=[(5,)], free=[(None, 3)], note="dropout",
        options={"dropout": 0.5, "recurrent_dropout": 0.5, "go_backwards": True}, random=True,
    ),
    *[
        case(kind, inputs=[(3, 2), (3, 1), (2,)], wrong=[(3, 2), (4, 2)], free=[(None, 2)] * 2,
             listed=True)
        for kind in (layers.Add, layers.Multiply, layers.Average, layers.Maximum, layers.Minimum)
    ],
    case(layers.Subtract, inputs=[(3,), (3,)], wrong=[(3,)], listed=True),
    case(
        layers.Concatenate, inputs=[(3, 2), (3, 4)], wrong=[(3, 2), (4, 2)], listed=True,
        free=[(None, 2), (None, 4)],
    ),
    case(
        layers.Lambda, jnp.sin, inputs=[(3,)], wrong=[(4,)], options={"output_shape": (3,)},
        json=False,
    ),
    case(layers.Identity, inputs=[(3,)]),
    case(layers.Operation, "multiply", inputs=[(3,), (3,)], follows_policy=False),
]  # fmt: skip
