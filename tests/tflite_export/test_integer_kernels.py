"""Every operator that the plan puts on integers has a kernel that computes the right thing."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax, nn
from nnlib.tflite_export import TensorSpec, export_tflite
from nnlib.tflite_export.quantise.kernels import KERNELS

RNG = np.random.default_rng(0)
X = TensorSpec((None, 6))
IMAGE = TensorSpec((None, 6, 6, 4))
W = RNG.normal(size=(6, 5)).astype(np.float32)
HWIO = RNG.normal(size=(3, 3, 4, 5)).astype(np.float32)
DEPTH = RNG.normal(size=(3, 3, 1, 4)).astype(np.float32)
LAYOUT = ("NHWC", "HWIO", "NHWC")


def case(kind: str, fn: Any, *specs: TensorSpec) -> Any:
    return pytest.param(kind, fn, specs or (X,), id=kind)


def conv(x: jax.Array, kernel: np.ndarray, **options: Any) -> jax.Array:
    return lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=LAYOUT, **options)


def pool(x: jax.Array, init: float, op: Any) -> jax.Array:
    return lax.reduce_window(x, init, op, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")


def blocks(x: jax.Array, order: tuple[int, ...], *sizes: int) -> jax.Array:
    """Blocks of 2 x 2 pixels to channels, or back."""
    y = x.reshape(x.shape[0], *sizes[:5]).transpose(order)
    return y.reshape(x.shape[0], *sizes[5:])


def resized(x: jax.Array, method: str) -> jax.Array:
    return jax.image.resize(x, (x.shape[0], 12, 9, 4), method)


def unit(x: jax.Array) -> jax.Array:
    return x / jnp.sqrt(jnp.maximum(jnp.square(x).sum(-1, keepdims=True), 1e-12))


CASES = [
    case("FULLY_CONNECTED", lambda x: x @ W + 1.0),
    case("FULLY_CONNECTED", lambda x: x @ W),
    case("FULLY_CONNECTED", lambda x: nn.relu(x @ W), IMAGE_ROWS := TensorSpec((None, 3, 6))),
    case("CONV_2D", lambda x: nn.relu6(conv(x, HWIO) + 1.0), IMAGE),
    case("DEPTHWISE_CONV_2D", lambda x: conv(x, DEPTH, feature_group_count=4), IMAGE),
    case(
        "TRANSPOSE_CONV",
        lambda x: lax.conv_transpose(x, HWIO, (2, 2), "SAME", dimension_numbers=LAYOUT),
        IMAGE,
    ),
    case("BATCH_MATMUL", lambda x: jnp.einsum("bij,bkj->bik", x, x), IMAGE_ROWS),
    case("ADD", lambda x, y: x + y, X, X),
    case("SUB", lambda x, y: x - 2 * y, X, X),
    case("MUL", lambda x, y: nn.relu(x * y), X, X),
    case("MEAN", lambda x: x.mean((1, 2)), IMAGE),
    case("SUM", lambda x: x.sum((1, 2)), IMAGE),
    case("REDUCE_MAX", lambda x: x.max((1, 2)), IMAGE),
    case("REDUCE_MIN", lambda x: x.min((1, 2)), IMAGE),
    case("RELU", lambda x: nn.relu(x.reshape(-1, 2))),
    case("RELU6", lambda x: nn.relu6(x.reshape(-1, 2))),
    case("RELU_N1_TO_1", lambda x: jnp.clip(x.reshape(-1, 2), -1, 1)),
    case("RELU_0_TO_1", lambda x: jnp.clip(x.reshape(-1, 2), 0, 1)),
    case("LEAKY_RELU", lambda x: nn.leaky_relu(x, 0.2)),
    case("PRELU", lambda x: jnp.where(x > 0, x, x * W[None, :, 0] * 0.3)),
    case("ELU", nn.elu),
    case("GELU", lambda x: nn.gelu(x, approximate=False)),
    case("HARD_SWISH", nn.hard_swish),
    case("ABS", jnp.abs),
    case("SOFTMAX", lambda x: nn.softmax(x * 3)),
    case("LOG_SOFTMAX", nn.log_softmax),
    case("LOGISTIC", nn.sigmoid),
    case("TANH", jnp.tanh),
    case("MAX_POOL_2D", lambda x: pool(x, -jnp.inf, lax.max), IMAGE),
    case("AVERAGE_POOL_2D", lambda x: pool(x, 0.0, lax.add) / 4, IMAGE),
    case("RESHAPE", lambda x: x.reshape(-1, 3)),
    case("TRANSPOSE", lambda x: x.transpose(0, 3, 1, 2), IMAGE),
    case("PAD", lambda x: jnp.pad(x, ((0, 0), (1, 2)))),
    case("PADV2", lambda x: jnp.pad(x, ((0, 0), (1, 2)), constant_values=2.0)),
    case("SLICE", lambda x: x[:, 1:4]),
    case("STRIDED_SLICE", lambda x: x[:, 1::2]),
    case("SPLIT", lambda x: jnp.split(x, 3, -1)),
    case("SPLIT_V", lambda x: jnp.split(x, [1, 3], -1)),
    case("UNPACK", lambda x: [part + 1 for part in jnp.unstack(x, axis=1)], IMAGE),
    case("PACK", lambda x, y: jnp.stack([x, 2 * y], 1), X, X),
    case("CONCATENATION", lambda x, y: jnp.concatenate([x, y * 3], -1), X, X),
    case("TILE", lambda x: jnp.tile(x, (1, 3))),
    case(
        "DYNAMIC_UPDATE_SLICE",
        lambda x, i: lax.dynamic_update_slice(x, x[:2] * 3, (i[0], 0)),
        TensorSpec((8, 6)),
        TensorSpec((1,), np.int32),
    ),
    case("GATHER", lambda x: x[:, np.array([3, 1, 1])]),
    case("REVERSE_V2", lambda x: x[:, ::-1]),
    case("BROADCAST_TO", lambda x: jnp.broadcast_to(x[:, None, :1], (2, 3, 6)), TensorSpec((2, 6))),
    case("MAXIMUM", lambda x, y: jnp.maximum(x, 2 * y), X, X),
    case("MINIMUM", lambda x, y: jnp.minimum(x, 2 * y), X, X),
    case("SELECT_V2", lambda x, m: jnp.where(m, x, 0.5), X, TensorSpec((None, 6), np.bool_)),
    case("TOPK_V2", lambda x: lax.top_k(x, 3)[0]),
    case("ARG_MAX", lambda x: x.argmax(-1)),
    case("ARG_MIN", lambda x: x.argmin(-1)),
    case("MUL", lambda x: x * x),
    case("MUL", lambda x: -x),
    case("MUL", lambda x: x / 3.0),
    case("RESIZE_BILINEAR", lambda x: resized(x, "bilinear"), IMAGE),
    case("RESIZE_NEAREST_NEIGHBOR", lambda x: jnp.repeat(x, 2, 1), IMAGE),
    case("MIRROR_PAD", lambda x: jnp.pad(x, ((0, 0), (1, 2)), mode="reflect")),
    case(
        "SPACE_TO_DEPTH", lambda x: blocks(x, (0, 1, 3, 2, 4, 5), 3, 2, 3, 2, 4, 3, 3, 16), IMAGE
    ),
    case(
        "DEPTH_TO_SPACE",
        lambda x: blocks(2 * x, (0, 1, 3, 2, 4, 5), 3, 3, 2, 2, 4, 6, 6, 4),
        TensorSpec((None, 3, 3, 16)),
    ),
    case(
        "DYNAMIC_UPDATE_SLICE",
        lambda x, y: lax.dynamic_update_slice(x, 3 * y, (0, 2)),
        TensorSpec((8, 6)), TensorSpec((8, 3)),
    ),
    case("L2_NORMALIZATION", unit),
    case("ELU", nn.selu),
    case("ELU", lambda x: nn.elu(x, 0.5)),
]  # fmt: skip


def test_every_kernel_has_a_case() -> None:
    """SQUEEZE becomes RESHAPE before, which has one."""
    assert {kind for case in CASES for kind in case.values[:1]} == set(KERNELS) - {"SQUEEZE"}


@pytest.mark.parametrize("mode", ["int8", "int16x8"])
@pytest.mark.parametrize(("kind", "fn", "specs"), CASES)
def test_kernel(kind: str, fn: Any, specs: tuple[TensorSpec, ...], mode: str) -> None:
    shapes = [tuple(8 if dim is None else dim for dim in spec.shape) for spec in specs]
    sample = [
        (RNG.normal(size=shape) > 0).astype(bool)
        if spec.dtype == np.bool_
        else np.round(RNG.normal(size=shape)).astype(spec.dtype)
        if spec.dtype == np.int32
        else RNG.normal(size=shape).astype(np.float32)
        for spec, shape in zip(specs, shapes, strict=True)
    ]
    dtype = "int8" if mode == "int8" else "int16"
    report = export_tflite(fn, specs, quantize=mode, representative=[sample], io_dtype=dtype)
    assert report.quantisation is not None
    runs = mode == "int8" or KERNELS[kind].int16
    if runs:
        assert kind in report.ops
        assert "DEQUANTIZE" not in report.ops, report.ops
    limit = 25.0 if mode == "int8" else 40.0
    assert all(ratio is None or ratio > limit for ratio in report.quantisation.snr)
