"""Networks in integers from end to end, but for what the page says stays in float."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from nnlib.tflite_export import Interpreter, export_tflite
from nnlib.tflite_export.quantise.running import run_real

import nnlib as nn
from nnlib import layers

RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(16, 8, 8, 3)).astype(np.float32)
TOKENS = RNG.integers(0, 20, size=(16, 6)).astype(np.int32)


def transformer() -> Any:
    tokens = nn.Input((6,), dtype="int32")
    x = layers.Embedding(20, 16)(tokens)
    seen = layers.MultiHeadAttention(2, 8)(x, x)
    x = layers.LayerNormalization()(layers.Add()([x, seen]))
    inner = layers.Dense(16)(layers.Dense(32, activation="gelu")(x))
    x = layers.LayerNormalization()(layers.Add()([x, inner]))
    return nn.Model(tokens, layers.Dense(4)(layers.GlobalAveragePooling1D()(x)))


def unet() -> Any:
    image = nn.Input((8, 8, 3))
    wide = layers.Conv2D(6, 3, padding="same", activation="relu")(image)
    deep = layers.Conv2D(8, 3, padding="same")(layers.MaxPooling2D()(wide))
    back = layers.Conv2DTranspose(6, 3, strides=2, padding="same")(layers.LeakyReLU()(deep))
    near = layers.UpSampling2D(interpolation="bilinear")(deep)
    joined = layers.Concatenate()([back, wide, near])
    return nn.Model(image, layers.Conv2D(2, 1, activation="sigmoid")(joined))


def gated() -> Any:
    """Squeeze and excite, hard and soft swish, and a log softmax."""
    image = nn.Input((8, 8, 3))
    x = layers.Conv2D(8, 3, activation="silu")(image)
    gate = layers.GlobalAveragePooling2D(keepdims=True)(x)
    gate = layers.Conv2D(8, 1, activation="sigmoid")(gate)
    x = layers.DepthwiseConv2D(3, activation="hard_silu")(layers.Multiply()([x, gate]))
    scores = layers.Dense(4, activation="log_softmax")(layers.Flatten()(x))
    return nn.Model(image, scores)


@pytest.mark.parametrize(
    ("make", "data", "floats", "least"),
    [
        (transformer, TOKENS, {"ADD", "RSQRT"}, 28.0),
        (unet, IMAGES, set(), 30.0),
        (gated, IMAGES, set(), 30.0),
    ],
    ids=["transformer", "unet", "gated"],
)
def test_network(make: Any, data: np.ndarray, floats: set[str], least: float) -> None:
    model = make()
    report = export_tflite(model, quantize="int8", representative=data, io_dtype="int8")
    assert report.quantisation is not None
    assert {text.split()[0] for text in report.quantisation.kept_float} == floats
    assert report.ops.get("DEQUANTIZE", 0) == 2 * bool(floats)  # one for each normalisation
    (ratio,) = report.quantisation.snr
    assert ratio is not None
    assert ratio > least
    want = np.asarray(model.predict(data, verbose=0))
    (got,) = run_real(Interpreter(model_content=report.content), [data])
    assert np.abs(got - want).mean() < 0.03 * np.abs(want).mean()
