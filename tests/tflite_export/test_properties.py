"""Shapes drawn at random: LiteRT and JAX agree for convolutions, pools, reshapes, broadcasts."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import HealthCheck, given, settings
from jax import lax
from nnlib.tflite_export import TensorSpec, export_tflite

QUICK = settings(
    max_examples=15, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
SIZES = st.integers(1, 4)


def agrees(fn: Any, *specs: TensorSpec) -> None:
    report = export_tflite(fn, specs, verify=None)
    assert report.max_error is not None
    assert report.max_error <= 2e-5


@QUICK
@given(
    size=st.tuples(st.integers(4, 9), st.integers(4, 9)),
    window=st.tuples(SIZES, SIZES),
    stride=st.integers(1, 3),
    dilation=st.integers(1, 2),
    padding=st.sampled_from(["SAME", "VALID", "explicit"]),
    groups=st.sampled_from([1, 2, 4]),
    multiplier=st.integers(1, 2),
)
def test_convolution(
    size: Any, window: Any, stride: int, dilation: int, padding: Any, groups: int, multiplier: int
) -> None:
    reach = max((w - 1) * dilation + 1 for w in window)
    if padding == "VALID" and reach > min(size):
        padding = "SAME"
    pads = ((1, 2), (0, reach)) if padding == "explicit" else padding
    if padding == "explicit" and reach > min(size):
        pads = ((reach, reach), (reach, reach))
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(*window, 4 // groups, groups * multiplier)).astype(np.float32)

    def fn(x: jax.Array) -> jax.Array:
        y = lax.conv_general_dilated(
            x,
            kernel,
            (stride, stride),
            pads,
            rhs_dilation=(dilation, dilation),
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
            feature_group_count=groups,
        )
        return jax.nn.relu(y * 0.5 + 1)

    agrees(fn, TensorSpec((None, *size, 4)))


@QUICK
@given(
    size=st.tuples(st.integers(4, 9), st.integers(4, 9)),
    window=st.tuples(SIZES, SIZES),
    strides=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    padding=st.sampled_from(["SAME", "VALID"]),
    kind=st.sampled_from(["max", "average", "sum", "average_all"]),
)
def test_pooling(size: Any, window: Any, strides: Any, padding: str, kind: str) -> None:
    def windows(x: jax.Array, start: float, reducer: Any) -> jax.Array:
        return lax.reduce_window(x, start, reducer, (1, *window, 1), (1, *strides, 1), padding)

    def fn(x: jax.Array) -> jax.Array:
        if kind == "max":
            return windows(x, -jnp.inf, lax.max)
        total = windows(x, 0.0, lax.add)
        if kind == "sum":
            return total
        if kind == "average_all":
            return total / float(np.prod(window))
        return total / windows(jnp.ones_like(x), 0.0, lax.add)

    agrees(fn, TensorSpec((None, *size, 2)))


@QUICK
@given(data=st.data(), rank=st.integers(1, 5))
def test_broadcasting(data: Any, rank: int) -> None:
    shape = data.draw(st.lists(SIZES, min_size=rank, max_size=rank))
    left = [None, *(data.draw(st.sampled_from([n, 1])) for n in shape)]
    right = [None, *(data.draw(st.sampled_from([n, 1])) for n in shape)]
    constant = np.ones([1, *(data.draw(st.sampled_from([n, 1])) for n in shape)], np.float32)

    def fn(x: jax.Array, y: jax.Array) -> Any:
        z = jnp.maximum(x * y, constant) - y
        return z, jnp.where(x > y, z, constant), jnp.concatenate([z, z + constant], -1)

    agrees(fn, TensorSpec(tuple(left)), TensorSpec(tuple(right)))


@QUICK
@given(data=st.data(), shape=st.lists(SIZES, min_size=1, max_size=4))
def test_reshape_transpose_reduce(data: Any, shape: list[int]) -> None:
    axes = range(1, len(shape) + 1)
    order = (0, *data.draw(st.permutations(list(axes))))
    reduced = tuple(data.draw(st.sets(st.sampled_from(list(axes)), min_size=1)))
    split = data.draw(SIZES)
    keep = data.draw(st.booleans())

    def fn(x: jax.Array) -> Any:
        y = jnp.tanh(x.transpose(order)).reshape(x.shape[0], -1)
        z = jnp.stack([y] * split, 1).reshape(-1, 1, y.shape[1])
        return y * 2, z + 1, x.mean(reduced, keepdims=keep), x.max(reduced, keepdims=keep)

    agrees(fn, TensorSpec((None, *shape)))


@QUICK
@given(data=st.data(), rank=st.integers(1, 3))
def test_einsum(data: Any, rank: int) -> None:
    letters = "abcd"[:rank]
    sizes = {letter: data.draw(SIZES) for letter in "abcd"}
    left = "z" + letters
    shared = data.draw(st.sampled_from(list(letters)))
    right = "".join(data.draw(st.permutations([shared, "d"])))
    free = [letter for letter in left + right if letter != shared]
    out = "".join(data.draw(st.permutations(sorted(set(free)))))
    matrix = np.random.default_rng(0).normal(size=[sizes[c] for c in right]).astype(np.float32)

    def fn(x: jax.Array) -> Any:
        return jnp.einsum(f"{left},{right}->{out}", x, matrix)

    agrees(fn, TensorSpec((None, *(sizes[c] for c in letters))))


@QUICK
@given(
    start=st.integers(0, 5),
    length=st.integers(1, 6),
    step=st.integers(1, 3),
    high=st.integers(0, 2),
)
def test_slice_and_pad(start: int, length: int, step: int, high: int) -> None:
    def fn(x: jax.Array) -> Any:
        y = x[:, start : start + length : step]
        return y, jnp.pad(y, ((0, 0), (1, high)), constant_values=2.0), y[:, ::-1] + y[..., -1:]

    agrees(fn, TensorSpec((None, 6)))
