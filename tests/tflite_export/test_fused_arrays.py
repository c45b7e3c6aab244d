"""Array functions and networks that are one operator, or as few as promised."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax, nn
from nnlib.tflite_export import TensorSpec, export_tflite

import nnlib
from tests.tflite_export.conftest import outputs_of
from tests.tflite_export.probe import CUBE, IMAGE, INTS, X, integers, row, specials

RNG = np.random.default_rng(7)
W, V = (RNG.normal(size=(6, 5)).astype(np.float32) for _ in range(2))
GAMMA, BETA = (RNG.normal(size=(1, 1, 6)).astype(np.float32) for _ in range(2))
TABLE = jnp.asarray(RNG.normal(size=(9, 4)), jnp.float32)
BLOCKS = TensorSpec((None, 4, 6, 8))


def resize(method: str, height: int, width: int) -> Any:
    return lambda x: jax.image.resize(x, (x.shape[0], height, width, x.shape[3]), method)


def pad(mode: str, *sides: tuple[int, int]) -> Any:
    return lambda x: jnp.pad(x, sides, mode=mode)


def layer_norm(x: jax.Array) -> jax.Array:
    mean = x.mean(-1, keepdims=True)
    return (x - mean) * lax.rsqrt(x.var(-1, keepdims=True) + 1e-6) * GAMMA + BETA


def normed_twice(x: jax.Array) -> Any:
    return layer_norm(x) @ W, nn.relu(layer_norm(x) @ V + 1)


def scaled_attention(x: jax.Array) -> jax.Array:
    q = jnp.einsum("bti,ihd->bhtd", x, W.reshape(6, 1, 5))
    k = jnp.einsum("bti,ihd->bhtd", x, V.reshape(6, 1, 5))
    return nn.softmax(jnp.einsum("bhtd,bhsd->bhts", q, k) * 0.25)


def space_to_depth(x: jax.Array) -> jax.Array:
    b, h, w, c = x.shape
    y = x.reshape(b, h // 2, 2, w // 2, 2, c).transpose(0, 1, 3, 2, 4, 5)
    return y.reshape(b, h // 2, w // 2, 4 * c)


def depth_to_space(x: jax.Array) -> jax.Array:
    b, h, w, c = x.shape
    y = x.reshape(b, h, w, 2, 2, c // 4).transpose(0, 1, 3, 2, 4, 5)
    return y.reshape(b, h * 2, w * 2, c // 4)


def floored_length(x: jax.Array) -> jax.Array:
    return x * lax.rsqrt(jnp.maximum(jnp.sum(x * x, -1, keepdims=True), 1e-12))


def zeros_and_more(x: np.ndarray) -> np.ndarray:
    return np.where(np.arange(len(x))[:, None] == 1, np.float32(0), x)


def tenths(x: np.ndarray) -> np.ndarray:
    return np.round(x * 9) / np.float32(10)


ROWS = [
    row("nearest", resize("nearest", 12, 24), IMAGE, ops={"RESIZE_NEAREST_NEIGHBOR": 1}),
    row("nearest_uneven", resize("nearest", 11, 9), IMAGE, ops={"RESIZE_NEAREST_NEIGHBOR": 1}),
    row("nearest_smaller", resize("nearest", 3, 5), IMAGE),
    row("bilinear", resize("bilinear", 12, 11), IMAGE, ops={"RESIZE_BILINEAR": 1}),
    row("bilinear_height", resize("bilinear", 13, 8), IMAGE, ops={"RESIZE_BILINEAR": 1}),
    row("bilinear_smaller", resize("bilinear", 3, 16), IMAGE),
    row("cubic", resize("bicubic", 12, 16), IMAGE, ops={"FULLY_CONNECTED": 2, "TRANSPOSE": 3}),
    row(
        "repeat",
        lambda x: jnp.repeat(jnp.repeat(x, 3, 1), 2, 2),
        IMAGE,
        ops={"RESIZE_NEAREST_NEIGHBOR": 1},
    ),
    row("repeat_channels", lambda x: jnp.repeat(x, 2, 3), IMAGE),
    row("tile_is_no_repeat", lambda x: jnp.tile(x, (1, 2, 1, 1)), IMAGE, ops={"TILE": 1}),
    row("reflect", pad("reflect", (0, 0), (2, 1), (1, 3), (0, 0)), IMAGE, ops={"MIRROR_PAD": 1}),
    row("symmetric", pad("symmetric", (0, 0), (2, 0)), X, ops={"MIRROR_PAD": 1}),
    row("reflect_all", pad("reflect", (0, 0), (5, 5)), X, ops={"MIRROR_PAD": 1}),
    row("reflect_twice", pad("reflect", (0, 0), (7, 9)), X),
    row("wrap", pad("wrap", (0, 0), (2, 1)), X),
    row("space_to_depth", space_to_depth, BLOCKS, ops={"SPACE_TO_DEPTH": 1}),
    row("depth_to_space", depth_to_space, BLOCKS, ops={"DEPTH_TO_SPACE": 1}),
    row("one_hot", lambda i: nn.one_hot(i, 4), INTS, ops={"ONE_HOT": 1}, make=integers),
    row("one_hot_int", lambda i: nn.one_hot(i, 4, dtype=jnp.int32), INTS, make=integers),
    row("unit_length", floored_length, X, ops={"L2_NORMALIZATION": 1}, make=zeros_and_more),
    row("unit_length_of_columns", lambda x: floored_length(x.T).T, X),
    row("remainder", lambda x: x % 3, INTS, ops={"FLOOR_MOD": 1}, make=integers),
    row("remainder_negative", lambda x: x % -0.75, X, ops={"FLOOR_MOD": 1}),
    row("floor_divide", lambda x: x // 3, INTS, ops={"FLOOR_DIV": 1}, make=integers),
    row("floor_divide_float", lambda x: x // 0.1, X, make=tenths),
    row("searchsorted_nan", lambda x: jnp.searchsorted(jnp.arange(5.0), x), X, make=specials),
    row(
        "searchsorted_right",
        lambda x: jnp.searchsorted(jnp.arange(5.0), jnp.round(x), side="right"),
        X,
    ),
    row("attention", lambda x: nn.dot_product_attention(x, x, x), IMAGE, ops={
        "BATCH_MATMUL": 2, "MUL": 1, "SOFTMAX": 1, "TRANSPOSE": 3}),
    row("scaled_query", scaled_attention, CUBE, ops={
        "BATCH_MATMUL": 1, "FULLY_CONNECTED": 2, "RESHAPE": 2, "SOFTMAX": 1}),
    row("layer_norm", layer_norm, CUBE, ops={
        "ADD": 2, "MEAN": 2, "MUL": 2, "RSQRT": 1, "SQUARE": 1, "SUB": 1}),
    row("layer_norm_dense", normed_twice, CUBE, ops={
        "ADD": 1, "FULLY_CONNECTED": 2, "MEAN": 2, "MUL": 1, "RSQRT": 1, "SQUARE": 1, "SUB": 1}),
    row("norm_read_otherwise", lambda x: (layer_norm(x) @ W, jnp.tanh(layer_norm(x))), CUBE),
    row("shift_before_dense", lambda x: (x - 2.0) @ W, X, ops={"FULLY_CONNECTED": 1}),
    row("sort_long", lambda x: jnp.argsort(jnp.round(x), 0), TensorSpec((100, 2))),
    row("top_k_axis", lambda x: lax.top_k(x.T, 2), X),
    row("fourier_by_kernel", lambda x: jnp.fft.rfft(x).imag, TensorSpec((None, 256)), tol=1e-4,
        ops={"IMAG": 1, "RESHAPE": 2, "RFFT2D": 1}),
    row("log_sigmoid", nn.log_sigmoid, X),
    row("index_negative", lambda i: TABLE[i], INTS, ops={
        "ADD": 1, "GATHER": 1, "LESS": 1, "SELECT_V2": 1}, make=integers),
]  # fmt: skip


@pytest.mark.parametrize(("fn", "specs", "options"), ROWS)
def test_fused(check: Any, fn: Any, specs: Any, options: Any) -> None:
    check(fn, *specs, **options)


def test_shared_weights_are_not_copied_by_folding() -> None:
    def fn(x: jax.Array) -> Any:
        return (x * 2) @ W, (x + GAMMA[0]) @ W

    report = export_tflite(fn, X)
    assert report.ops == {"ADD": 1, "FULLY_CONNECTED": 2, "MUL": 1}


@pytest.mark.parametrize(
    ("name", "options", "count"),
    [("MobileNetV2", {"alpha": 0.35}, 65), ("ResNet50", {}, 75)],
)
def test_application(name: str, options: Any, count: int) -> None:
    make = getattr(nnlib.applications, name)
    model = make(weights=None, input_shape=(64, 64, 3), classes=10, **options)
    report = export_tflite(model, verify=False)
    assert sum(report.ops.values()) == count


def test_a_large_shift_is_not_multiplied_into_the_weights() -> None:
    """(x - 1e6) @ W is exact where x is near a million; x @ W - 1e6 * sum(W) has no digit left."""
    weights = np.random.default_rng(0).normal(size=(8, 4)).astype(np.float32)
    report = export_tflite(lambda x: (x - 1e6) @ weights, TensorSpec((None, 8)), verify=False)
    x = np.float32(1e6) + np.arange(8, dtype=np.float32)[None]
    (got,) = outputs_of(report, x)
    np.testing.assert_allclose(got, (x - np.float32(1e6)) @ weights, rtol=1e-5, atol=1e-5)
