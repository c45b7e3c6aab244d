"""What layers compute at inference: the operators promised for each, and JAX's numbers."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax, nn
from nnlib.tflite_export import TensorSpec

RNG = np.random.default_rng(3)
IMAGE = TensorSpec((None, 9, 8, 4))
SERIES = TensorSpec((None, 11, 4))
FLAT = TensorSpec((None, 8))


def weights(*shape: int) -> np.ndarray:
    return (RNG.normal(size=shape) * 0.3).astype(np.float32)


def conv(
    kernel: np.ndarray, stride: Any = 1, padding: Any = "SAME", dilation: int = 1, groups: int = 1
) -> Any:
    axes = kernel.ndim - 2
    numbers = ("NHWC", "HWIO", "NHWC") if axes == 2 else ("NWC", "WIO", "NWC")
    strides = stride if isinstance(stride, tuple) else (stride,) * axes

    def apply(x: jax.Array) -> jax.Array:
        return lax.conv_general_dilated(
            x,
            kernel,
            strides,
            padding,
            rhs_dilation=(dilation,) * axes,
            dimension_numbers=numbers,
            feature_group_count=groups,
        )

    return apply


def batch_norm(channels: int) -> Any:
    mean, gamma, beta = weights(channels), weights(channels), weights(channels)
    variance = np.abs(weights(channels)) + 0.1

    def apply(x: jax.Array) -> jax.Array:
        shape = (1,) * (x.ndim - 1) + (channels,)
        m, v, g, b = (jnp.reshape(p, shape) for p in (mean, variance, gamma, beta))
        return (x - m) * lax.rsqrt(v + 1e-3) * g + b

    return apply


def layer_norm(x: jax.Array) -> jax.Array:
    mean = x.mean(-1, keepdims=True)
    variance = jnp.square(x - mean).mean(-1, keepdims=True)
    scaled = (x - mean) * lax.rsqrt(variance + 1e-6)
    return scaled * jnp.full((1,) * (x.ndim - 1) + (x.shape[-1],), 1.5) + 0.5


def pool(
    kind: str, size: int = 2, stride: int = 2, padding: Any = "VALID", counted: bool = True
) -> Any:
    def apply(x: jax.Array) -> jax.Array:
        window = (1, *(size,) * (x.ndim - 2), 1)
        strides = (1, *(stride,) * (x.ndim - 2), 1)
        if kind == "max":
            return lax.reduce_window(x, -jnp.inf, lax.max, window, strides, padding)
        total = lax.reduce_window(x, 0.0, lax.add, window, strides, padding)
        if not counted:
            return total / np.prod(window)
        return total / lax.reduce_window(jnp.ones_like(x), 0.0, lax.add, window, strides, padding)

    return apply


def bias_relu(f: Any, units: int) -> Any:
    bias = weights(units)
    return lambda x: nn.relu(f(x) + bias.reshape((1,) * (x.ndim - 1) + (units,)))


def chain(*functions: Any) -> Any:
    def apply(x: jax.Array) -> jax.Array:
        for f in functions:
            x = f(x)
        return x

    return apply


def two_readers(x: jax.Array) -> jax.Array:
    y = conv(weights(3, 3, 4, 4))(x)
    return nn.relu(y) + y


CONV, DEPTHWISE = {"CONV_2D": 1}, {"DEPTHWISE_CONV_2D": 1}
CONV_1D = {"CONV_2D": 1, "RESHAPE": 2}
K33 = weights(3, 3, 4, 5)

CONVOLUTIONS = {
    "same": (conv(K33), IMAGE, CONV),
    "valid": (conv(K33, padding="VALID"), IMAGE, CONV),
    "stride_2_same": (conv(K33, 2), IMAGE, CONV),
    "stride_2_valid": (conv(K33, 2, "VALID"), IMAGE, CONV),
    "stride_uneven": (conv(K33, (1, 2)), IMAGE, CONV),
    "dilated": (conv(K33, dilation=2), IMAGE, CONV),
    "dilated_valid": (conv(K33, dilation=2, padding="VALID"), IMAGE, CONV),
    "pointwise": (conv(weights(1, 1, 4, 7)), IMAGE, CONV),
    "wide_kernel": (conv(weights(1, 4, 4, 2)), IMAGE, CONV),
    "one_channel": (conv(weights(3, 3, 1, 5)), TensorSpec((None, 9, 8, 1)), CONV),
    "explicit_same": (conv(K33, padding=((1, 1), (1, 1))), IMAGE, CONV),
    "explicit_odd": (conv(K33, 2, padding=((1, 1), (1, 1))), IMAGE, {"CONV_2D": 1, "PAD": 1}),
    "padded_before": (
        lambda x: conv(K33, padding="VALID")(jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))),
        IMAGE,
        CONV,
    ),
    "grouped": (conv(weights(3, 3, 2, 6), groups=2), IMAGE, CONV),
    "depthwise": (conv(weights(3, 3, 1, 4), groups=4), IMAGE, DEPTHWISE),
    "depthwise_multiplier": (conv(weights(3, 3, 1, 8), 2, groups=4), IMAGE, DEPTHWISE),
    "depthwise_dilated": (conv(weights(3, 3, 1, 4), groups=4, dilation=2), IMAGE, DEPTHWISE),
    "bias_relu": (bias_relu(conv(K33), 5), IMAGE, CONV),
    "norm_relu6": (chain(conv(K33), batch_norm(5), nn.relu6), IMAGE, CONV),
    "depthwise_norm_relu": (
        chain(conv(weights(3, 3, 1, 4), groups=4), batch_norm(4), nn.relu),
        IMAGE,
        DEPTHWISE,
    ),
    "free_sizes": (conv(K33), TensorSpec((None, None, None, 4)), CONV),
    "free_sizes_valid_stride": (conv(K33, 2, "VALID"), TensorSpec((None, None, None, 4)), CONV),
    "one_axis": (conv(weights(3, 4, 6)), SERIES, CONV_1D),
    "one_axis_valid": (conv(weights(3, 4, 6), 2, "VALID"), SERIES, CONV_1D),
    "one_axis_causal": (conv(weights(3, 4, 6), padding=((2, 0),)), SERIES, CONV_1D | {"PAD": 1}),
    "one_axis_dilated_causal": (
        conv(weights(3, 4, 6), padding=((4, 0),), dilation=2),
        SERIES,
        CONV_1D | {"PAD": 1},
    ),
    "one_axis_depthwise": (
        conv(weights(3, 1, 8), groups=4),
        SERIES,
        {"DEPTHWISE_CONV_2D": 1, "RESHAPE": 2},
    ),
    "one_axis_free_length": (conv(weights(3, 4, 6)), TensorSpec((None, None, 4)), None),
    "one_axis_norm_relu": (
        chain(conv(weights(3, 4, 6)), batch_norm(6), nn.relu),
        SERIES,
        CONV_1D,
    ),
    "one_axis_stack": (
        chain(bias_relu(conv(weights(3, 4, 6)), 6), pool("max"), conv(weights(3, 6, 2))),
        SERIES,
        {"CONV_2D": 2, "MAX_POOL_2D": 1, "RESHAPE": 2},
    ),
    "channels_first": (
        lambda x: lax.conv(x, weights(5, 3, 3, 3), (1, 1), "SAME"),
        TensorSpec((None, 3, 7, 6)),
        None,
    ),
}

UPCONVOLUTIONS = [
    (axes, padding, stride, window)
    for axes in (1, 2)
    for padding in ("SAME", "VALID")
    for stride, window in ((2, 2), (2, 3), (2, 4), (3, 2), (3, 4))
]


@pytest.mark.parametrize(("axes", "padding", "stride", "window"), UPCONVOLUTIONS)
def test_transposed_convolution(
    check: Any, axes: int, padding: str, stride: int, window: int
) -> None:
    kernel = np.random.default_rng(0).normal(size=(window,) * axes + (4, 3)).astype(np.float32)

    def fn(x: jax.Array) -> jax.Array:
        return nn.relu(lax.conv_transpose(x, kernel, (stride,) * axes, padding) + 0.5)

    report = check(fn, IMAGE if axes == 2 else SERIES)
    assert report.ops["TRANSPOSE_CONV"] == 1
    assert "ADD" not in report.ops
    assert "RELU" not in report.ops


def test_transposed_convolution_of_fixed_size_is_one_operator(check: Any) -> None:
    kernel = weights(3, 3, 4, 2)
    spec = TensorSpec((2, 5, 6, 4))
    check(lambda x: lax.conv_transpose(x, kernel, (2, 2), "SAME"), spec, ops={"TRANSPOSE_CONV": 1})


POOLS = {
    "max": (pool("max"), IMAGE, {"MAX_POOL_2D": 1}),
    "max_same": (pool("max", 3, 2, "SAME"), IMAGE, {"MAX_POOL_2D": 1}),
    "max_explicit": (pool("max", 3, 2, ((0, 0), (1, 1), (1, 1), (0, 0))), IMAGE, None),
    "max_one_axis": (pool("max"), SERIES, {"MAX_POOL_2D": 1, "RESHAPE": 2}),
    "average": (pool("average"), IMAGE, {"AVERAGE_POOL_2D": 1}),
    "average_same": (pool("average", 3, 2, "SAME"), IMAGE, {"AVERAGE_POOL_2D": 1}),
    "average_one_axis": (pool("average"), SERIES, {"AVERAGE_POOL_2D": 1, "RESHAPE": 2}),
    "average_one_axis_same": (
        pool("average", 3, 2, "SAME"),
        SERIES,
        {"AVERAGE_POOL_2D": 1, "RESHAPE": 2},
    ),
    "average_with_padding": (
        pool("average", 3, 2, "SAME", counted=False),
        IMAGE,
        {"AVERAGE_POOL_2D": 1, "PAD": 1},
    ),
    "sum": (
        lambda x: lax.reduce_window(x, 0.0, lax.add, (1, 2, 2, 1), (1, 1, 1, 1), "SAME"),
        IMAGE,
        None,
    ),
    "min": (
        lambda x: lax.reduce_window(x, jnp.inf, lax.min, (1, 2, 2, 1), (1, 2, 2, 1), "VALID"),
        IMAGE,
        None,
    ),
    "over_channels": (
        lambda x: lax.reduce_window(x, -jnp.inf, lax.max, (1, 1, 1, 2), (1, 1, 1, 2), "VALID"),
        IMAGE,
        None,
    ),
    "channels_first": (
        lambda x: lax.reduce_window(x, -jnp.inf, lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID"),
        IMAGE,
        None,
    ),
    "global_average": (lambda x: x.mean((1, 2)), IMAGE, {"MEAN": 1}),
    "global_average_free": (
        lambda x: x.mean((1, 2)),
        TensorSpec((None, None, None, 4)),
        {"MEAN": 1},
    ),
    "global_max": (lambda x: x.max((1, 2)), IMAGE, {"REDUCE_MAX": 1}),
}

OTHERS = {
    "dense_softmax": (
        lambda x: nn.softmax(bias_relu(lambda x: x @ weights(8, 3), 3)(x)),
        FLAT,
        {"FULLY_CONNECTED": 1, "SOFTMAX": 1},
    ),
    "dense_3d": (bias_relu(lambda x: x @ weights(4, 6), 6), SERIES, {"FULLY_CONNECTED": 1}),
    "dense_norm": (chain(lambda x: x @ weights(8, 5), batch_norm(5)), FLAT, {"FULLY_CONNECTED": 1}),
    "batch_norm_alone": (batch_norm(4), IMAGE, {"MUL": 1, "ADD": 1}),
    "layer_norm": (
        layer_norm,
        FLAT,
        {"MEAN": 2, "SUB": 1, "SQUARE": 1, "ADD": 2, "RSQRT": 1, "MUL": 2},
    ),
    "flatten": (lambda x: x.reshape(x.shape[0], -1), IMAGE, {"RESHAPE": 1}),
    "residual": (
        lambda x: nn.relu(x + conv(weights(3, 3, 4, 4))(x)),
        IMAGE,
        {"CONV_2D": 1, "ADD": 1},
    ),
    "two_readers": (two_readers, IMAGE, {"CONV_2D": 1, "RELU": 1, "ADD": 1}),
    "squeeze_excite": (
        lambda x: x * nn.sigmoid(x.mean((1, 2), keepdims=True) @ weights(4, 4)),
        IMAGE,
        None,
    ),
    "embedding": (
        lambda i: jnp.take(weights(10, 4), i, axis=0, mode="clip"),
        TensorSpec((None, 7), np.int32),
        {"GATHER": 1},
    ),
    "embedding_mean": (
        lambda i: jnp.take(weights(10, 4), i, axis=0, mode="clip").mean(1),
        TensorSpec((None, 7), np.int32),
        {"GATHER": 1, "MEAN": 1},
    ),
    "attention": (lambda x: nn.dot_product_attention(x, x, x), TensorSpec((None, 5, 2, 4)), None),
    "rescaling": (lambda x: x / 127.5 - 1.0, IMAGE, {"DIV": 1, "SUB": 1}),
}

ACTIVATIONS = {
    "relu": (nn.relu, {"RELU": 1}),
    "relu6": (nn.relu6, {"RELU6": 1}),
    "elu": (nn.elu, {"ELU": 1}),
    "elu_scaled": (lambda x: nn.elu(x, 0.3), {"ELU": 1, "LEAKY_RELU": 1}),
    "selu": (nn.selu, {"ELU": 1, "LEAKY_RELU": 1, "MUL": 1}),
    "celu": (nn.celu, {"ELU": 1}),
    "leaky_relu": (nn.leaky_relu, {"LEAKY_RELU": 1}),
    "leaky_relu_by_maximum": (lambda x: jnp.maximum(x, 0.2 * x), {"LEAKY_RELU": 1}),
    "prelu": (lambda x: jnp.where(x > 0, x, weights(1, 8) * x), {"PRELU": 1}),
    "prelu_by_halves": (lambda x: nn.relu(x) - weights(1, 8) * nn.relu(-x), {"PRELU": 1}),
    "gelu_tanh": (nn.gelu, {"GELU": 1}),
    "gelu_exact": (lambda x: nn.gelu(x, approximate=False), {"GELU": 1}),
    "gelu_by_erf": (
        lambda x: 0.5 * x * (1 + lax.erf(x / np.sqrt(2.0).astype(np.float32))),
        {"GELU": 1},
    ),
    "silu": (nn.silu, {"LOGISTIC": 1, "MUL": 1}),
    "hard_sigmoid": (nn.hard_sigmoid, {"ADD": 1, "DIV": 1}),
    "hard_swish": (nn.hard_swish, {"HARD_SWISH": 1}),
    "hard_tanh": (nn.hard_tanh, {"RELU_N1_TO_1": 1}),
    "sigmoid": (nn.sigmoid, {"LOGISTIC": 1}),
    "tanh": (jnp.tanh, {"TANH": 1}),
    "softmax": (nn.softmax, {"SOFTMAX": 1}),
    "softmax_first_axis": (lambda x: nn.softmax(x, 0), None),
    "log_softmax": (nn.log_softmax, {"LOG_SOFTMAX": 1}),
    "softplus": (nn.softplus, None),
    "softsign": (nn.soft_sign, None),
    "mish": (nn.mish, None),
    "glu": (nn.glu, None),
    "log_sigmoid": (nn.log_sigmoid, None),
    "squareplus": (nn.squareplus, None),
    "sparse_plus": (nn.sparse_plus, None),
    "sparse_sigmoid": (nn.sparse_sigmoid, None),
    "exponential": (jnp.exp, {"EXP": 1}),
    "clipped": (lambda x: jnp.clip(x, 0, 1), {"RELU_0_TO_1": 1}),
}


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_convolution(check: Any, name: str) -> None:
    fn, spec, ops = CONVOLUTIONS[name]
    sizes = (4, 6) if "free" in name else (1, 6)
    check(_frozen(fn), spec, ops=ops, sizes=sizes)


@pytest.mark.parametrize("name", POOLS)
def test_pooling(check: Any, name: str) -> None:
    fn, spec, ops = POOLS[name]
    check(fn, spec, ops=ops)


@pytest.mark.parametrize("name", OTHERS)
def test_other_layer(check: Any, name: str) -> None:
    fn, spec, ops = OTHERS[name]
    check(_frozen(fn), spec, ops=ops)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation(check: Any, name: str) -> None:
    fn, ops = ACTIVATIONS[name]
    check(_frozen(fn), FLAT, ops=ops, make=lambda x: x * 3)


@pytest.mark.parametrize("name", ["elu", "gelu_exact", "softplus", "log_sigmoid", "mish", "selu"])
def test_activation_far_from_zero(check: Any, name: str) -> None:
    check(ACTIVATIONS[name][0], FLAT, make=lambda x: x * 40)


def _frozen(fn: Any) -> Any:
    """The function with the same random weights at each call."""

    def apply(*args: Any) -> Any:
        global RNG  # noqa: PLW0603
        RNG = np.random.default_rng(5)
        return fn(*args)

    return apply
