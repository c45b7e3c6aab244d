"""Models built with nnlib's own layers export with the operators promised."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from nnlib.tflite_export import Interpreter, TFLiteConverter, export_tflite
from nnlib.tflite_export.verify import run

import nnlib as nn
from nnlib import layers

IMAGE = (9, 8, 4)
CASES: dict[str, tuple[Any, Any, dict[str, int]]] = {
    "conv": (IMAGE, lambda: [layers.Conv2D(5, 3, activation="relu")], {"CONV_2D": 1}),
    "conv_norm": (
        IMAGE,
        lambda: [
            layers.Conv2D(5, 3, padding="same"),
            layers.BatchNormalization(),
            layers.Activation("relu6"),
        ],
        {"CONV_2D": 1},
    ),
    "depthwise": (IMAGE, lambda: [layers.DepthwiseConv2D(3)], {"DEPTHWISE_CONV_2D": 1}),
    "conv_1d_causal": (
        (11, 4),
        lambda: [layers.Conv1D(5, 3, padding="causal", activation="relu")],
        {"CONV_2D": 1, "PAD": 1, "RESHAPE": 2},
    ),
    "max_pool": (IMAGE, lambda: [layers.MaxPooling2D(3, 2, padding="same")], {"MAX_POOL_2D": 1}),
    "average_pool": (
        IMAGE,
        lambda: [layers.AveragePooling2D(3, 2, padding="same")],
        {"AVERAGE_POOL_2D": 1},
    ),
    "global_pool": (IMAGE, lambda: [layers.GlobalAveragePooling2D()], {"MEAN": 1}),
    "dense": (
        (6,),
        lambda: [layers.Dense(4, activation="softmax"), layers.Dropout(0.5)],
        {"FULLY_CONNECTED": 1, "SOFTMAX": 1},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_layer(name: str) -> None:
    shape, make, ops = CASES[name]
    report = export_tflite(nn.models.Sequential([nn.Input(shape), *make()]), verify=True)
    assert report.ops == ops
    assert report.max_error is not None
    assert report.max_error <= 1e-5


def test_embedding_is_one_gather() -> None:
    model = nn.models.Sequential([nn.Input((7,), dtype="int32"), layers.Embedding(10, 4)])
    assert export_tflite(model, verify=True).ops == {"GATHER": 1}


def test_functional_model_with_two_inputs_and_outputs() -> None:
    a, b = nn.Input((4,), name="left"), nn.Input((4,), name="right")
    x, y = layers.Dense(3)(a), layers.Dense(3)(b)
    outputs = [layers.Add()([x, y]), layers.Concatenate()([x, y])]
    report = export_tflite(nn.models.Model([a, b], outputs), verify=True)
    assert [detail.name for detail in report.inputs] == ["left", "right"]
    assert report.ops == {"ADD": 1, "CONCATENATION": 1, "FULLY_CONNECTED": 2}


def test_converter_gives_what_the_model_predicts() -> None:
    model = nn.models.Sequential([nn.Input((6,)), layers.Dense(4, activation="tanh")])
    x = np.random.default_rng(0).normal(size=(5, 6)).astype(np.float32)
    content = TFLiteConverter.from_keras_model(model).convert()
    (y,) = run(Interpreter(model_content=content), [x])
    np.testing.assert_allclose(y, np.asarray(model(x)), atol=1e-5)
