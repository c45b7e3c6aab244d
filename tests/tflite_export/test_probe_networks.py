"""Probe of what networks are made of: activations, products, convolutions, windows, spectra."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax, nn
from nnlib.tflite_export import TensorSpec

from tests.tflite_export.probe import CUBE, FIXED, IMAGE, X, Y, row, specials, wide

RNG = np.random.default_rng(3)
W = RNG.normal(size=(6, 4)).astype(np.float32)
VOLUME = TensorSpec((None, 4, 5, 6, 2))
SERIES = TensorSpec((None, 9, 3))
SIGNAL = TensorSpec((None, 16))


def weights(*shape: int) -> np.ndarray:
    return (RNG.normal(size=shape) * 0.3).astype(np.float32)


A, B, C, D, E = weights(4, 5), weights(4, 6, 2), weights(6, 6, 3), weights(4, 6, 2), weights(1, 6)


def conv(layout: str, kernel: np.ndarray, strides: Any, padding: Any, **options: Any) -> Any:
    spatial = layout.strip("NC")
    names = (layout, spatial + "IO", layout)
    return lambda x: lax.conv_general_dilated(
        x, kernel, strides, padding, dimension_numbers=names, **options
    )


def transposed(layout: str, kernel: np.ndarray, strides: Any, padding: Any, **options: Any) -> Any:
    names = (layout, layout.strip("NC") + "IO", layout)
    return lambda x: lax.conv_transpose(
        x, kernel, strides, padding, dimension_numbers=names, **options
    )


def real_and_imaginary(x: jax.Array) -> Any:
    y = jnp.fft.rfft(x)
    return y.real, y.imag


def window(init: float, reducer: Any, size: Any, strides: Any, padding: Any, **options: Any) -> Any:
    return lambda x: lax.reduce_window(x, init, reducer, size, strides, padding, **options)


ACTIVATIONS = [
    row("relu", nn.relu, ops={"RELU": 1}),
    row("relu6", nn.relu6, make=wide, ops={"RELU6": 1}),
    row("sigmoid", nn.sigmoid, ops={"LOGISTIC": 1}),
    row("tanh", jnp.tanh, ops={"TANH": 1}),
    row("softmax", nn.softmax, ops={"SOFTMAX": 1}),
    row("softmax_axis_1", lambda x: nn.softmax(x, axis=1), CUBE),
    row("softmax_where", lambda x: nn.softmax(x, where=x > -1), X),
    row("log_softmax", nn.log_softmax, ops={"LOG_SOFTMAX": 1}),
    row("gelu", lambda x: nn.gelu(x, approximate=False), ops={"GELU": 1}),
    row("gelu_tanh", nn.gelu, ops={"GELU": 1}),
    row("elu", nn.elu, ops={"ELU": 1}),
    row("elu_alpha", lambda x: nn.elu(x, 0.5)),
    row("celu", lambda x: nn.celu(x, 2.0)),
    row("selu", nn.selu),
    row("silu", nn.silu, ops={"LOGISTIC": 1, "MUL": 1}),
    row("hard_swish", nn.hard_swish, make=wide, ops={"HARD_SWISH": 1}),
    row("hard_sigmoid", nn.hard_sigmoid, make=wide),
    row("hard_tanh", nn.hard_tanh, make=wide, ops={"RELU_N1_TO_1": 1}),
    row("leaky_relu", nn.leaky_relu, ops={"LEAKY_RELU": 1}),
    row("prelu", lambda x: jnp.where(x >= 0, x, x * E), ops={"PRELU": 1}),
    row("softplus", nn.softplus, make=wide),
    row("softplus_specials", nn.softplus, make=specials),
    row("soft_sign", nn.soft_sign),
    row("log_sigmoid", nn.log_sigmoid, make=wide),
    row("mish", nn.mish, make=wide),
    row("squareplus", nn.squareplus),
    row("glu", lambda x: nn.glu(x, axis=-1)),
    row("sparse_plus", nn.sparse_plus),
    row("sparse_sigmoid", nn.sparse_sigmoid),
    row("relu_squared", lambda x: jnp.square(nn.relu(x))),
    row("standardize", nn.standardize),
    row("logsumexp", nn.logsumexp, FIXED),
]

PRODUCTS = [
    row("dense_relu", lambda x: nn.relu(x @ W), ops={"FULLY_CONNECTED": 1}),
    row("vector_dot", lambda x: x @ W[:, 0]),
    row("matmul_3d", lambda x: x @ W, CUBE, ops={"FULLY_CONNECTED": 1}),
    row("batched", lambda x: x @ x.swapaxes(1, 2), CUBE, ops={"BATCH_MATMUL": 1}),
    row("contract_middle", lambda x: jnp.einsum("bij,ik->bkj", x, A), CUBE),
    row("contract_two", lambda x: jnp.einsum("bij,ijk->bk", x, B), CUBE),
    row("batch_last", lambda x: jnp.einsum("bij,bkj->ikb", x, x), CUBE),
    row("hadamard", lambda x: jnp.einsum("bij,bij->bi", x, x), CUBE),
    row("outer", lambda x, y: jnp.einsum("bi,bj->bij", x, y), X, Y),
    row("trace", lambda x: jnp.einsum("ii->", x[:, :4]), FIXED),
    row("diagonal", lambda x: jnp.einsum("ii->i", x[:, :4]), FIXED),
    row("sum_axes", lambda x: jnp.einsum("bij->b", x), CUBE),
    row("bilinear", lambda x, y: jnp.einsum("bi,ijk,bj->bk", x, C, y), X, Y),
    row("tensordot", lambda x: jnp.tensordot(x, B, axes=2), CUBE),
    row("batched_weights", lambda x: jnp.einsum("bij,ijk->bik", x, D), CUBE),
    row("inner", lambda x: jnp.inner(x, W.T), X),
    row("vdot", lambda x: jnp.vdot(x, x), FIXED),
    row("matrix_power", lambda x: jnp.linalg.matrix_power(x[:, :4], 3), FIXED, tol=1e-4),
    row("cross", lambda x: jnp.cross(x[:, :3], x[:, 3:]), X),
    row("l2_normalise", lambda x: x / jnp.linalg.norm(x, axis=-1, keepdims=True), X),
    row("l2_by_rsqrt", lambda x: x * lax.rsqrt(jnp.sum(x * x, -1, keepdims=True) + 1e-6), X),
    row("cosine", lambda x, y: jnp.sum(x * y, -1) / (jnp.linalg.norm(x, axis=-1) * 2.0), X, Y),
    row("attention", lambda x: nn.dot_product_attention(x, x, x), IMAGE),
    row("causal_attention", lambda x: nn.dot_product_attention(x, x, x, is_causal=True), IMAGE),
]

CONVOLUTIONS = [
    row("conv_1d", conv("NHC", weights(3, 3, 4), (1,), "SAME"), SERIES),
    row("conv_1d_strided", conv("NHC", weights(3, 3, 4), (2,), "VALID"), SERIES),
    row("conv_1d_causal", conv("NHC", weights(3, 3, 4), (1,), [(2, 0)]), SERIES),
    row("conv_1d_dilated", conv("NHC", weights(3, 3, 4), (1,), "SAME", rhs_dilation=(2,)), SERIES),
    row(
        "conv_1d_depthwise",
        conv("NHC", weights(3, 1, 3), (1,), "SAME", feature_group_count=3),
        SERIES,
    ),
    row("conv_2d", conv("NHWC", weights(3, 3, 3, 4), (1, 1), "SAME"), IMAGE, ops={"CONV_2D": 1}),
    row("conv_nchw", conv("NCHW", weights(3, 3, 6, 4), (1, 1), "SAME"), IMAGE),
    row("conv_explicit", conv("NHWC", weights(3, 3, 3, 4), (2, 1), [(2, 0), (1, 1)]), IMAGE),
    row("conv_negative", conv("NHWC", weights(3, 3, 3, 4), (1, 1), [(-1, 0), (1, -1)]), IMAGE),
    row(
        "conv_dilated",
        conv("NHWC", weights(3, 3, 3, 4), (1, 1), "SAME", rhs_dilation=(2, 2)),
        IMAGE,
    ),
    row(
        "conv_grouped",
        conv("NHWC", weights(3, 3, 2, 6), (1, 1), "SAME", feature_group_count=2),
        TensorSpec((None, 6, 8, 4)),
    ),
    row(
        "depthwise",
        conv("NHWC", weights(3, 3, 1, 3), (1, 1), "SAME", feature_group_count=3),
        IMAGE,
        ops={"DEPTHWISE_CONV_2D": 1},
    ),
    row(
        "depthwise_multiplier",
        conv("NHWC", weights(3, 3, 1, 6), (2, 2), "SAME", feature_group_count=3),
        IMAGE,
        ops={"DEPTHWISE_CONV_2D": 1},
    ),
    row("conv_3d", conv("NDHWC", weights(2, 3, 3, 2, 4), (1, 1, 1), "SAME"), VOLUME),
    row("conv_3d_strided", conv("NDHWC", weights(2, 3, 3, 2, 4), (2, 1, 2), "VALID"), VOLUME),
    row("conv_3d_explicit", conv("NDHWC", weights(2, 3, 3, 2, 4), (1,) * 3, [(1, 1)] * 3), VOLUME),
    row("conv_traced", lambda x: lax.conv(x, x[:1, :, :3, :3] * 0.1, (1, 1), "SAME"), IMAGE),
    row("transpose_1d", transposed("NHC", weights(4, 3, 5), (2,), "SAME"), SERIES),
    row("transpose_same", transposed("NHWC", weights(3, 3, 3, 4), (2, 2), "SAME"), IMAGE),
    row("transpose_even", transposed("NHWC", weights(4, 4, 3, 4), (2, 2), "SAME"), IMAGE),
    row("transpose_valid", transposed("NHWC", weights(3, 2, 3, 4), (2, 3), "VALID"), IMAGE),
    row("transpose_1", transposed("NHWC", weights(3, 3, 3, 4), (1, 1), "SAME"), IMAGE),
    row(
        "transpose_explicit",
        transposed("NHWC", weights(4, 4, 3, 4), (2, 2), [(1, 2), (3, 0)]),
        IMAGE,
    ),
    row(
        "transpose_kernel",
        transposed("NHWC", weights(3, 3, 4, 3), (2, 2), "SAME", transpose_kernel=True),
        IMAGE,
    ),
    row("transpose_3d", transposed("NDHWC", weights(2, 3, 3, 2, 4), (2,) * 3, "SAME"), VOLUME),
    row(
        "transpose_3d_valid",
        transposed("NDHWC", weights(2, 2, 2, 2, 3), (1, 2, 2), "VALID"),
        VOLUME,
    ),
    row(
        "transpose_dilated",
        transposed("NHWC", weights(3, 3, 3, 4), (2, 2), "SAME", rhs_dilation=(2, 2)),
        IMAGE,
    ),
    row(
        "patches",
        lambda x: lax.conv_general_dilated_patches(
            x, (2, 2), (2, 2), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")
        ),
        IMAGE,
    ),
    row("convolve", lambda x: jnp.convolve(x, jnp.array([1.0, 2.0, -1.0])), TensorSpec((9,))),
]

WINDOWS = [
    row("max_pool", window(-np.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID"), IMAGE),
    row("max_pool_same", window(-np.inf, lax.max, (1, 3, 3, 1), (1, 2, 2, 1), "SAME"), IMAGE),
    row("min_pool", window(np.inf, lax.min, (1, 2, 2, 1), (1, 1, 1, 1), "VALID"), IMAGE),
    row("sum_pool", window(0.0, lax.add, (1, 2, 2, 1), (1, 2, 2, 1), "SAME"), IMAGE),
    row("max_pool_1d", window(-np.inf, lax.max, (1, 3, 1), (1, 2, 1), "VALID"), SERIES),
    row("max_pool_3d", window(-np.inf, lax.max, (1, 2, 2, 2, 1), (1, 2, 2, 2, 1), "VALID"), VOLUME),
    row("min_pool_3d", window(np.inf, lax.min, (1, 2, 2, 2, 1), (1, 1, 1, 1, 1), "SAME"), VOLUME),
    row("sum_pool_3d", window(0.0, lax.add, (1, 2, 2, 2, 1), (1, 2, 2, 2, 1), "VALID"), VOLUME),
    row("max_pool_channels", window(-np.inf, lax.max, (1, 1, 1, 2), (1, 1, 1, 1), "VALID"), IMAGE),
    row("max_pool_nchw", window(-np.inf, lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID"), IMAGE),
    row("max_pool_batchless", window(-np.inf, lax.max, (2, 2), (2, 2), "VALID"), FIXED),
    row(
        "max_pool_dilated",
        window(-np.inf, lax.max, (1, 2, 2, 1), (1, 1, 1, 1), "VALID", window_dilation=(1, 2, 2, 1)),
        IMAGE,
    ),
    row("window_product", window(1.0, lax.mul, (1, 2, 2, 1), (1, 2, 2, 1), "VALID"), IMAGE),
    row("moving_average", lambda x: window(0.0, lax.add, (1, 3), (1, 1), "VALID")(x) / 3),
    row(
        "local_response",
        lambda x: x / (1 + window(0.0, lax.add, (1, 1, 1, 3), (1, 1, 1, 1), "SAME")(x * x)) ** 0.75,
        IMAGE,
    ),
]

SPECTRA = [
    row("rfft_magnitude", lambda x: jnp.abs(jnp.fft.rfft(x)), SIGNAL, tol=2e-5),
    row("rfft_parts", real_and_imaginary, SIGNAL, tol=2e-5),
    row("fft_magnitude", lambda x: jnp.abs(jnp.fft.fft(x)), SIGNAL, tol=2e-5),
    row("rfft_odd", lambda x: jnp.abs(jnp.fft.rfft(x)), TensorSpec((None, 12)), tol=2e-5),
    row("rfft_long", lambda x: jnp.abs(jnp.fft.rfft(x)), TensorSpec((None, 512)), tol=1e-4),
    row(
        "rfft_by_axis", lambda x: jnp.fft.rfft(x, axis=1).imag, TensorSpec((None, 256, 2)), tol=1e-4
    ),
    row("ifft", lambda x: jnp.fft.ifft(x + 1j * x[:, ::-1]).imag, SIGNAL),
    row(
        "filtered",
        lambda x: jnp.fft.irfft(jnp.fft.rfft(x) * jnp.exp(1j * jnp.arange(9.0))[None]),
        SIGNAL,
    ),
    row("power_spectrum", lambda x: jnp.square(jnp.abs(jnp.fft.rfft(x))), SIGNAL, tol=1e-4),
    row("irfft", lambda x: jnp.fft.irfft(jnp.fft.rfft(x) * 2), SIGNAL, tol=2e-5),
    row("rfft2", lambda x: jnp.abs(jnp.fft.rfft2(x)), TensorSpec((None, 4, 8)), tol=5e-5),
    row("dct", jax.scipy.fft.dct, SIGNAL, tol=2e-5),
]

IMAGES = [
    row(
        f"resize_{method}_{height}x{width}",
        lambda x, m=method, h=height, w=width: jax.image.resize(x, (x.shape[0], h, w, 3), m),
        IMAGE,
    )
    for method in ("nearest", "bilinear", "bicubic", "lanczos3")
    for height, width in ((12, 16), (9, 5))
]


@pytest.mark.parametrize(
    ("fn", "specs", "options"),
    [*ACTIVATIONS, *PRODUCTS, *CONVOLUTIONS, *WINDOWS, *SPECTRA, *IMAGES],
)
def test_networks(check: Any, fn: Any, specs: Any, options: Any) -> None:
    check(fn, *specs, **options)
