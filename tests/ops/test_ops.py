"""The numeric cores against loops in NumPy, and properties that hold for any input."""

import ast
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnlib import ops


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def convolved(x, kernel, stride, dilation, groups, pads):
    """One output at a time, by the definition."""
    x = np.pad(x, [(0, 0), pads[0], pads[1], (0, 0)])
    height, width, depth, filters = kernel.shape
    rows = (x.shape[1] - (height - 1) * dilation - 1) // stride + 1
    columns = (x.shape[2] - (width - 1) * dilation - 1) // stride + 1
    y = np.zeros((x.shape[0], rows, columns, filters))
    for f in range(filters):
        first = f // (filters // groups) * depth
        for i in range(rows):
            for j in range(columns):
                top, left = i * stride, j * stride
                window = x[
                    :,
                    top : top + (height - 1) * dilation + 1 : dilation,
                    left : left + (width - 1) * dilation + 1 : dilation,
                    first : first + depth,
                ]
                y[:, i, j, f] = (window * kernel[..., f]).sum((1, 2, 3))
    return y


def same_pads(size, window, stride, dilation):
    total = max((-(-size // stride) - 1) * stride + (window - 1) * dilation + 1 - size, 0)
    return total // 2, total - total // 2


@settings(max_examples=12, deadline=None)
@given(
    stride=st.integers(1, 3),
    dilation=st.integers(1, 2),
    groups=st.sampled_from([1, 2, 4]),
    window=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    padding=st.sampled_from(["valid", "same"]),
)
def test_conv_is_its_definition(stride, dilation, groups, window, padding):
    x, kernel, bias = random(2, 7, 6, 4), random(*window, 4 // groups, 8, seed=1), random(8)
    pads = [(0, 0), (0, 0)]
    if padding == "same":
        pads = [same_pads(n, k, stride, dilation) for n, k in zip((7, 6), window, strict=True)]
    got = ops.conv(
        x, kernel, bias, strides=stride, padding=padding, dilation=dilation, groups=groups
    )
    want = convolved(x, kernel, stride, dilation, groups, pads) + bias
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_conv_of_any_rank_in_both_axis_orders(rank):
    x, kernel = random(2, *[5] * rank, 3), random(*[2] * rank, 3, 4)
    last = ops.conv(x, kernel)
    first = ops.conv(jnp.moveaxis(x, -1, 1), kernel, data_format="channels_first")
    assert last.shape == (2, *[4] * rank, 4)
    np.testing.assert_allclose(jnp.moveaxis(first, 1, -1), last, rtol=1e-5, atol=1e-5)
    for pool in (ops.max_pool, ops.average_pool):
        assert pool(x, 2).shape == (2, *[2] * rank, 3)


def test_causal_outputs_do_not_see_the_future():
    x, kernel = random(1, 9, 2), random(3, 2, 4)
    slopes = jax.jacobian(lambda x: ops.conv(x, kernel, padding="causal", dilation=2))(x)
    sees = np.abs(np.asarray(slopes)).sum((0, 2, 3, 5)) > 0
    want = [[j in (i, i - 2, i - 4) for j in range(9)] for i in range(9)]
    np.testing.assert_array_equal(sees, want)


def test_depthwise_conv_is_a_conv_of_each_channel():
    x, kernel = random(2, 6, 6, 3), random(3, 3, 3, 2)
    got = ops.depthwise_conv(x, kernel, strides=2, padding="same")
    each = [
        ops.conv(x[..., c : c + 1], kernel[:, :, c : c + 1], strides=2, padding="same")
        for c in range(3)
    ]
    np.testing.assert_allclose(got, jnp.concatenate(each, -1), rtol=1e-5, atol=1e-5)


def test_max_pool_of_integers_and_of_negative_numbers():
    x = jnp.full((1, 3, 3, 1), -7, "int32")
    np.testing.assert_array_equal(ops.max_pool(x, 2, 1, "same"), x)
    np.testing.assert_array_equal(ops.max_pool(x.astype("float32"), 2, 1, "same"), x)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=6))
def test_masked_moments_are_those_of_the_rows_that_are_left(kept):
    x = random(len(kept), 4, 3) * 10
    mean, variance = ops.moments(jnp.asarray(x), (0, 1), jnp.asarray(kept, "float32"))
    rest = x[np.asarray(kept)]
    if not len(rest):
        assert np.isfinite(mean).all()
        assert np.isfinite(variance).all()
        return
    np.testing.assert_allclose(mean, rest.mean((0, 1)), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(variance, rest.var((0, 1)), rtol=1e-4, atol=1e-4)


def test_lstm_is_its_definition():
    x, kernel, recurrent, bias = random(2, 4, 3), random(3, 8), random(2, 8), random(8)
    sigmoid = lambda z: 1 / (1 + np.exp(-z))  # noqa: E731
    h, c, outputs = np.zeros((2, 2)), np.zeros((2, 2)), []
    for t in range(4):
        i, f, g, o = np.split(x[:, t] @ kernel + h @ recurrent + bias, 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        outputs.append(h)
    _, y, (last_h, last_c) = ops.lstm(x, kernel, recurrent, bias)
    np.testing.assert_allclose(y, np.stack(outputs, 1), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(last_h, h, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(last_c, c, rtol=1e-4, atol=1e-5)


def test_ops_import_nothing_but_jax():
    pure = {"jax", "math", "typing", "collections", "dataclasses", "functools"}
    for file in Path(ops.__file__).parent.glob("*.py"):
        # One of them knows whether devices have parts of the arrays, which no argument says.
        allowed = pure | ({"contextlib", "contextvars"} if file.stem == "partitioning" else set())
        for node in ast.walk(ast.parse(file.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                assert name.split(".")[0] in allowed or name.startswith("nnlib.ops"), (file, name)
