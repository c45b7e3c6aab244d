"""Probe of free sizes beyond the batch: time, height and width, several at once, as values."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax, nn
from nnlib.tflite_export import TensorSpec

from tests.tflite_export.probe import row

RNG = np.random.default_rng(5)
K1 = (RNG.normal(size=(3, 4, 5)) * 0.3).astype(np.float32)
K2 = (RNG.normal(size=(3, 3, 3, 4)) * 0.3).astype(np.float32)
W = RNG.normal(size=(4, 4)).astype(np.float32)
TABLE = jnp.asarray(RNG.normal(size=(7, 4)), jnp.float32)

STEPS = TensorSpec((None, None, 4))
PICTURE = TensorSpec((None, None, None, 3))
TOKENS = TensorSpec((None, None), np.int32)
PAIR = (TensorSpec(("b", "t", 4)), TensorSpec(("b", "s", 4)))
NHC, NHWC = ("NHC", "HIO", "NHC"), ("NHWC", "HWIO", "NHWC")


def attention(q: jax.Array, k: jax.Array) -> jax.Array:
    return nn.softmax(q @ k.swapaxes(1, 2) / 2) @ k


def heads(x: jax.Array) -> jax.Array:
    def split(y: jax.Array) -> jax.Array:
        return y.reshape(y.shape[0], y.shape[1], 2, 2).transpose(0, 2, 1, 3)

    q, k = split(x @ W), split(x)
    mixed = nn.softmax(q @ k.swapaxes(-1, -2)) @ k
    return mixed.transpose(0, 2, 1, 3).reshape(x.shape)


def causal(x: jax.Array) -> jax.Array:
    scores = x @ x.swapaxes(1, 2)
    t = jnp.arange(x.shape[1])
    return nn.softmax(jnp.where((t[:, None] >= t[None])[None], scores, -1e9)) @ x


def conv_2d(strides: tuple[int, int], padding: str) -> Any:
    return lambda x: lax.conv_general_dilated(x, K2, strides, padding, dimension_numbers=NHWC)


def pool(strides: tuple[int, ...], padding: str) -> Any:
    return lambda x: lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), strides, padding)


SIZES = [
    row("dense", lambda x: nn.relu(x @ W + 1), STEPS),
    row("norm", lambda x: (x - x.mean(1, keepdims=True)) / (1 + x.std(1, keepdims=True)), STEPS),
    row("mean_over_time", lambda x: x.mean(1), STEPS, ops={"MEAN": 1}),
    row("mean_over_all", lambda x: x.mean(), STEPS),
    row("sum_by_size", lambda x: x.sum(1) / (x.shape[1] - 1), STEPS),
    row("size_squared", lambda x: x * (x.shape[0] * x.shape[1] + 1), STEPS),
    row("size_returned", lambda x: (x, jnp.asarray(x.shape[1])), STEPS),
    row("softmax_over_time", lambda x: nn.softmax(x, axis=1), STEPS),
    row("max_over_time", lambda x: x.max(1), STEPS),
    row("cumsum", lambda x: jnp.cumsum(x, 1), STEPS),
    row("sort", lambda x: jnp.sort(x, 1), STEPS),
    row("argmax", lambda x: jnp.argmax(x, 1), STEPS),
    row("last_step", lambda x: x[:, -1], STEPS),
    row("all_but_first", lambda x: x[:, 1:] - x[:, :-1], STEPS),
    row("reverse", lambda x: x[:, ::-1], STEPS),
    row("merge", lambda x: x.reshape(-1, 4), STEPS),
    row("flatten", lambda x: x.reshape(x.shape[0], -1), STEPS),
    row("split_merged", lambda x: x.reshape(-1, 4).reshape(x.shape) + 1, STEPS),
    row("swap", lambda x: x.swapaxes(0, 1), STEPS),
    row("pad", lambda x: jnp.pad(x, ((0, 0), (2, 1), (0, 0))), STEPS),
    row("concatenate", lambda x, y: jnp.concatenate([x, y], 1), *PAIR),
    row("broadcast", lambda x: jnp.broadcast_to(x[:, :1], x.shape) * 2, STEPS),
    row("zeros", lambda x: jnp.concatenate([x, jnp.zeros_like(x[:, :1])], 1), STEPS),
    row("positions", lambda x: x + jnp.arange(x.shape[1], dtype=jnp.float32)[None, :, None], STEPS),
    row("masked_mean", lambda x: (x * (x > 0)).sum(1) / (x > 0).sum(1).clip(1), STEPS),
    row("embedding", lambda i: TABLE.at[i].get(mode="promise_in_bounds"), TOKENS),
    row("one_hot", lambda i: nn.one_hot(i, 5), TOKENS),
    row("attention", attention, *PAIR),
    row("heads", heads, STEPS),
    row("causal", causal, STEPS),
    row("outer", lambda x, y: jnp.einsum("bti,bsi->bts", x, y), *PAIR),
    row(
        "conv_1d",
        lambda x: lax.conv_general_dilated(x, K1, (1,), "SAME", dimension_numbers=NHC),
        STEPS,
    ),
    row(
        "conv_1d_strided",
        lambda x: lax.conv_general_dilated(x, K1, (2,), "VALID", dimension_numbers=NHC),
        STEPS,
    ),
    row("conv_2d", conv_2d((1, 1), "SAME"), PICTURE),
    row("conv_2d_strided", conv_2d((2, 2), "VALID"), PICTURE),
    row("max_pool", pool((1, 2, 2, 1), "VALID"), PICTURE),
    row("max_pool_same", pool((1, 1, 1, 1), "SAME"), PICTURE),
    row("global_pool", lambda x: x.mean((1, 2)), PICTURE, ops={"MEAN": 1}),
    row("channels_first", lambda x: x.transpose(0, 3, 1, 2), PICTURE),
    row("upsample", lambda x: jnp.repeat(jnp.repeat(x, 2, 1), 2, 2), PICTURE),
    row("crop", lambda x: x[:, 1:-1, 2:], PICTURE),
    row("flip", lambda x: jnp.flip(x, 2), PICTURE),
    row("every_second", lambda x: x[:, ::2], PICTURE),
    row("luminance", lambda x: x @ np.array([0.3, 0.6, 0.1], np.float32), PICTURE),
    row("depth_to_space", lambda x: x.reshape(x.shape[0], -1, 3), PICTURE),
    row("normalise", lambda x: (x - x.mean((1, 2), keepdims=True)) / 2, PICTURE),
    row("vmapped", jax.vmap(lambda a: a @ a.T), STEPS),
    row("take_last", lambda x: jnp.take(x, x.shape[1] - 1, axis=1), STEPS),
    row("tril", lambda x: jnp.tril(x @ x.swapaxes(1, 2)), STEPS),
    row("linspace", lambda x: x * (jnp.arange(x.shape[1]) / x.shape[1])[None, :, None], STEPS),
    row("transposed_conv", lambda x: lax.conv_transpose(
        x, K2, (2, 2), "VALID", dimension_numbers=NHWC), PICTURE),
    row("same_strided", conv_2d((2, 2), "SAME"), PICTURE),
    row("resize", lambda x: jax.image.resize(x, (x.shape[0], 6, 6, 3), "bilinear"), PICTURE),
]  # fmt: skip


@pytest.mark.parametrize(("fn", "specs", "options"), SIZES)
def test_free_sizes(check: Any, fn: Any, specs: Any, options: Any) -> None:
    check(fn, *specs, **{**options, "sizes": (5,)})
