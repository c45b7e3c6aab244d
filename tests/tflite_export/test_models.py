"""Whole models: operator counts, one XNNPACK partition, error, speed."""

from __future__ import annotations

import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax, nn
from nnlib.tflite_export import Interpreter, Report, TensorSpec, export_tflite

RNG = np.random.default_rng(0)
DIGITS = TensorSpec((None, 28, 28, 1))


def weights(*shape: int) -> np.ndarray:
    return (RNG.normal(size=shape) * 0.1).astype(np.float32)


def dense(units_in: int, units: int) -> Any:
    w, b = weights(units_in, units), weights(1, units)
    return lambda x: x @ w + b


def conv_norm_relu_pool(channels: int, filters: int) -> Any:
    kernel = weights(3, 3, channels, filters)
    bias, mean, gamma, beta = (weights(1, 1, 1, filters) for _ in range(4))
    variance = np.abs(weights(1, 1, 1, filters)) + 0.5

    def apply(x: jax.Array) -> jax.Array:
        layout = ("NHWC", "HWIO", "NHWC")
        y = lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=layout) + bias
        y = nn.relu((y - mean) * lax.rsqrt(variance + 1e-3) * gamma + beta)
        return lax.reduce_window(y, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")

    return apply


def make_cnn() -> Any:
    first, second = conv_norm_relu_pool(1, 8), conv_norm_relu_pool(8, 16)
    hidden, logits = dense(7 * 7 * 16, 64), dense(64, 10)

    def cnn(x: jax.Array) -> jax.Array:
        y = second(first(x))
        return nn.softmax(logits(nn.relu(hidden(y.reshape(y.shape[0], -1)))))

    return cnn


def make_mlp() -> Any:
    a, b, c = dense(784, 128), dense(128, 64), dense(64, 10)
    return lambda x: nn.softmax(c(nn.relu(b(nn.relu(a(x))))))


def partitions(report: Report) -> tuple[int, int]:
    """Number of XNNPACK partitions, and of operators outside of them."""
    interpreter = Interpreter(model_content=report.content)
    interpreter.resize_tensor_input(
        interpreter.get_input_details()[0]["index"], (4, *report.inputs[0].shape[1:])
    )
    interpreter.allocate_tensors()
    names = [details["op_name"] for details in interpreter._get_ops_details()]
    delegates = names.count("DELEGATE")
    return delegates, len(names) - delegates - sum(report.ops.values())


def test_mlp_is_4_operators() -> None:
    report = export_tflite(make_mlp(), TensorSpec((None, 784)), verify=True)
    assert report.ops == {"FULLY_CONNECTED": 3, "SOFTMAX": 1}
    assert report.max_error is not None
    assert report.max_error <= 1e-5
    assert report.bytes <= 438_900  # TFLiteConverter: 439,736
    assert partitions(report) == (1, 0)


def test_cnn_is_8_operators_in_one_partition() -> None:
    report = export_tflite(make_cnn(), DIGITS, verify=True)
    assert report.ops == {
        "CONV_2D": 2,
        "FULLY_CONNECTED": 2,
        "MAX_POOL_2D": 2,
        "RESHAPE": 1,
        "SOFTMAX": 1,
    }
    assert report.max_error is not None
    assert report.max_error <= 1e-5
    assert partitions(report) == (1, 0)


def test_cnn_converts_quickly() -> None:
    cnn = make_cnn()
    start = time.process_time()
    export_tflite(cnn, DIGITS, verify=False)
    assert time.process_time() - start < 1.0  # measured: 0.03


def inverted_residual(channels: int, filters: int, stride: int) -> Any:
    """A block of MobileNetV2 with explicit padding before the strided depthwise convolution."""
    wide = 4 * channels
    layout = ("NHWC", "HWIO", "NHWC")

    def norm(width: int) -> Any:
        scale, shift, mean = (weights(1, 1, 1, width) + 1 for _ in range(3))
        return lambda x: (x - mean) * scale + shift

    def conv(kernel: np.ndarray, step: int, padding: Any, groups: int = 1) -> Any:
        return lambda x: lax.conv_general_dilated(
            x, kernel, (step, step), padding, dimension_numbers=layout, feature_group_count=groups
        )

    expand, norm_1 = conv(weights(1, 1, channels, wide), 1, "SAME"), norm(wide)
    padding = "SAME" if stride == 1 else "VALID"
    depthwise, norm_2 = conv(weights(3, 3, 1, wide), stride, padding, wide), norm(wide)
    project, norm_3 = conv(weights(1, 1, wide, filters), 1, "SAME"), norm(filters)

    def apply(x: jax.Array) -> jax.Array:
        y = nn.relu6(norm_1(expand(x)))
        if stride == 2:
            y = jnp.pad(y, ((0, 0), (0, 1), (0, 1), (0, 0)))
        y = norm_3(project(nn.relu6(norm_2(depthwise(y)))))
        return x + y if stride == 1 and channels == filters else y

    return apply


def test_mobile_blocks_fold_norms_pads_and_activations() -> None:
    blocks = [inverted_residual(4, 6, 2), inverted_residual(6, 6, 1), inverted_residual(6, 6, 1)]
    head = dense(6, 10)

    def fn(x: jax.Array) -> jax.Array:
        for block in blocks:
            x = block(x)
        return nn.softmax(head(x.mean((1, 2))))

    report = export_tflite(fn, TensorSpec((None, 16, 16, 4)), verify=True)
    assert report.ops == {
        "ADD": 2,
        "CONV_2D": 6,
        "DEPTHWISE_CONV_2D": 3,
        "FULLY_CONNECTED": 1,
        "MEAN": 1,
        "SOFTMAX": 1,
    }
    assert partitions(report) == (1, 0)


def test_embedding_classifier() -> None:
    table, out = weights(20, 8), dense(8, 2)

    def fn(tokens: jax.Array) -> jax.Array:
        return nn.softmax(out(jnp.take(table, tokens, axis=0, mode="clip").mean(1)))

    report = export_tflite(fn, TensorSpec((None, 12), np.int32), verify=True)
    assert report.ops == {"FULLY_CONNECTED": 1, "GATHER": 1, "MEAN": 1, "SOFTMAX": 1}


@pytest.mark.parametrize("batch", [None, 1])
def test_transformer_block(batch: int | None) -> None:
    heads, width = 2, 8
    q, k, v, o = (weights(width, width) for _ in range(4))
    up, down = dense(width, 16), dense(16, width)

    def norm(x: jax.Array) -> jax.Array:
        mean = x.mean(-1, keepdims=True)
        return (x - mean) * lax.rsqrt(jnp.square(x - mean).mean(-1, keepdims=True) + 1e-6)

    def split(x: jax.Array) -> jax.Array:
        return x.reshape(x.shape[0], 6, heads, width // heads).transpose(0, 2, 1, 3)

    def fn(x: jax.Array) -> jax.Array:
        scores = split(x @ q) @ split(x @ k).transpose(0, 1, 3, 2) * 0.5
        mixed = (nn.softmax(scores) @ split(x @ v)).transpose(0, 2, 1, 3)
        x = norm(x + mixed.reshape(x.shape) @ o)
        hidden = nn.gelu(up(x.reshape(-1, width)), approximate=False)
        return norm(x + down(hidden).reshape(x.shape))

    report = export_tflite(fn, TensorSpec((batch, 6, width)), verify=True)
    assert report.max_error is not None
    assert report.max_error <= 1e-5
    assert sum(report.ops.values()) <= 37
    assert {"SOFTMAX": 1, "GELU": 1, "MEAN": 4, "BATCH_MATMUL": 2}.items() <= report.ops.items()


def test_softmax_of_a_batch_of_one() -> None:
    """Its sums are single numbers, which broadcast without the axis that they were summed over."""
    for shape in ((1, 6), (6,), (1, 1, 6)):
        spec = TensorSpec(shape)
        assert export_tflite(lambda x: nn.softmax(x * 2.0), spec).ops == {"MUL": 1, "SOFTMAX": 1}
        assert export_tflite(nn.log_softmax, spec).ops == {"LOG_SOFTMAX": 1}
