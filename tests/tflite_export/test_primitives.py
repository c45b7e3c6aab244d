"""Every supported primitive, against JAX, at several batch sizes; single ops where promised."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from nnlib.tflite_export import TensorSpec

X = TensorSpec((None, 6))
Y = TensorSpec((None, 6))
INTS = TensorSpec((None, 6), np.int32)
BOOLS = TensorSpec((None, 6), np.bool_)
IMAGE = TensorSpec((None, 5, 6, 3))
TABLE = np.arange(40, dtype=np.float32).reshape(10, 4)
W = np.random.default_rng(1).normal(size=(6, 4)).astype(np.float32)


def case(name: str, fn: Any, *specs: TensorSpec, **options: Any) -> Any:
    return pytest.param(fn, specs or (X,), options, id=name)


def positive(x: np.ndarray) -> np.ndarray:
    return np.abs(x) + np.asarray(0.1, x.dtype)


def wide(x: np.ndarray) -> np.ndarray:
    return x * 5


def halves(x: np.ndarray) -> np.ndarray:
    return np.round(x * 4) / 2


def small_ints(x: np.ndarray) -> np.ndarray:
    return (np.arange(x.size).reshape(x.shape) % 5 - 2).astype(x.dtype)


BINARY = [
    case("add", lambda x, y: x + y, X, Y, ops={"ADD": 1}),
    case("sub", lambda x, y: x - y, X, Y, ops={"SUB": 1}),
    case("mul", lambda x, y: x * y, X, Y, ops={"MUL": 1}),
    case("div", lambda x, y: x / y, X, Y, ops={"DIV": 1}, make=positive),
    case("max", jnp.maximum, X, Y, ops={"MAXIMUM": 1}),
    case("min", jnp.minimum, X, Y, ops={"MINIMUM": 1}),
    case("pow", lambda x, y: x**y, X, Y, ops={"POW": 1}, make=positive),
    case("atan2", jnp.arctan2, X, Y, ops={"ATAN2": 1}),
    case("rem", lax.rem, X, Y, make=wide),
    case("mod", lambda x: x % 3),
    case("floor_divide", lambda x: x // 3, make=wide),
    case("int_add", lambda x, y: x + y, INTS, INTS, ops={"ADD": 1}),
    case("int_mul", lambda x: x * 3, INTS, ops={"MUL": 1}, make=small_ints),
    case("int_div", lambda x: lax.div(x * 7, jnp.full_like(x, 3)), INTS, make=small_ints),
    case("int_rem", lambda x: lax.rem(x * 7, jnp.full_like(x, 3)), INTS, make=small_ints),
    case("int_max", lambda x: jnp.maximum(x, 0), INTS, make=small_ints),
    case("int_clip", lambda x: jnp.clip(x, -1, 1), INTS, make=small_ints),
    case("broadcast_scalar", lambda x: 2.0 * x + 1.0, ops={"MUL": 1, "ADD": 1}),
    case("broadcast_vector", lambda x: x * jnp.arange(6.0)[None], ops={"MUL": 1}),
    case("broadcast_column", lambda x: x - x[:, :1]),
    case("full_like", lambda x: x + jnp.full_like(x, 3.0), ops={"ADD": 1}),
]

UNARY = [
    case("neg", lambda x: -x, ops={"NEG": 1}),
    case("abs", jnp.abs, ops={"ABS": 1}),
    case("sign", jnp.sign, ops={"SIGN": 1}),
    case("square", jnp.square, ops={"SQUARE": 1}),
    case("exp", jnp.exp, ops={"EXP": 1}),
    case("exp2", jnp.exp2),
    case("log", jnp.log, ops={"LOG": 1}, make=positive),
    case("sqrt", jnp.sqrt, ops={"SQRT": 1}, make=positive),
    case("rsqrt", lax.rsqrt, ops={"RSQRT": 1}, make=positive),
    case("sin", jnp.sin, ops={"SIN": 1}, make=wide),
    case("cos", jnp.cos, ops={"COS": 1}, make=wide),
    case("tan", jnp.tan, tol=1e-4),
    case("atan", jnp.arctan),
    case("sinh", jnp.sinh),
    case("cosh", jnp.cosh),
    case("floor", jnp.floor, ops={"FLOOR": 1}, make=wide),
    case("ceil", jnp.ceil, ops={"CEIL": 1}, make=wide),
    case("round_even", jnp.round, ops={"ROUND": 1}, make=halves),
    case("round_away", lambda x: lax.round(x, lax.RoundingMethod.AWAY_FROM_ZERO), make=halves),
    case("tanh", jnp.tanh, ops={"TANH": 1}),
    case("logistic", lax.logistic, ops={"LOGISTIC": 1}),
    case("log1p", jnp.log1p, make=positive),
    case("log1p_tiny", lambda x: jnp.log1p(x * 1e-9) * 1e9),
    case("expm1", jnp.expm1),
    case("expm1_tiny", lambda x: jnp.expm1(x * 1e-6) * 1e6),
    case("erf", jax.scipy.special.erf),
    case("erf_tiny", lambda x: jax.scipy.special.erf(x * 1e-6) * 1e6),
    case("erfc", jax.scipy.special.erfc, make=wide),
    case("cube", lambda x: x**3),
    case("power_7", lambda x: x**7, tol=1e-4),
    case("power_minus_2", lambda x: x**-2, make=positive, tol=1e-4),
    case("power_0", lambda x: x**0),
    case("pow_float", lambda x: x**2.5, make=positive),
    case("clamp", lambda x: lax.clamp(-0.5, x, 0.25)),
    case("is_finite", lambda x: jnp.isfinite(jnp.log(x)), make=np.round),
    case("isnan", lambda x: jnp.isnan(jnp.sqrt(x))),
    case("reciprocal", jnp.reciprocal, make=positive),
    case("int_neg", lambda x: -x, INTS),
    case("int_abs", jnp.abs, INTS, make=small_ints),
    case("int_sign", jnp.sign, INTS, make=small_ints),
    case("int_square", jnp.square, INTS, make=small_ints),
    case("int_power_3", lambda x: x**3, INTS, make=small_ints),
    case("cast_to_int", lambda x: x.astype(jnp.int32), make=wide),
    case("cast_to_float", lambda x: x.astype(jnp.float32), INTS),
    case("cast_to_bool", lambda x: x.astype(bool), make=np.round),
    case("cast_from_bool", lambda x: x.astype(jnp.float32), BOOLS),
    case("uint8_image", lambda x: x.astype(jnp.float32) / 255.0, TensorSpec((None, 4), np.uint8)),
    case("stop_gradient", lambda x: lax.stop_gradient(x) + 1),
    case("reduce_precision", lambda x: lax.reduce_precision(x, 8, 23) + 1),
]

LOGIC = [
    case("eq", lambda x, y: x == y, INTS, INTS, ops={"EQUAL": 1}),
    case("ne", lambda x, y: x != y, INTS, INTS, ops={"NOT_EQUAL": 1}),
    case("lt", lambda x, y: x < y, X, Y, ops={"LESS": 1}),
    case("le", lambda x, y: x <= y, X, Y, ops={"LESS_EQUAL": 1}),
    case("gt", lambda x, y: x > y, X, Y, ops={"GREATER": 1}),
    case("ge", lambda x, y: x >= y, X, Y, ops={"GREATER_EQUAL": 1}),
    case("bool_eq", lambda x, y: x == y, BOOLS, BOOLS),
    case("and", jnp.logical_and, BOOLS, BOOLS, ops={"LOGICAL_AND": 1}),
    case("or", jnp.logical_or, BOOLS, BOOLS, ops={"LOGICAL_OR": 1}),
    case("xor", jnp.logical_xor, BOOLS, BOOLS, ops={"NOT_EQUAL": 1}),
    case("not", jnp.logical_not, BOOLS, ops={"LOGICAL_NOT": 1}),
    case("where", lambda x, y: jnp.where(x > 0, x, y), X, Y, ops={"GREATER": 1, "SELECT_V2": 1}),
    case("where_scalar", lambda x: jnp.where(x > 0.5, 1.0, -x)),
    case("where_int", lambda x: jnp.where(x > 0, x, 7), INTS),
    case("where_bool", lambda x, y: jnp.where(x, y, True), BOOLS, BOOLS),
    case("select_n", lambda i, x: lax.select_n(i, x, 2 * x, -x), INTS, X),
    case("isclose", lambda x, y: jnp.abs(x - y) < 0.5, X, Y),
]

SHAPES = [
    case("reshape", lambda x: x.reshape(x.shape[0], 2, 3), ops={"RESHAPE": 1}),
    case("flatten", lambda x: x.reshape(x.shape[0], -1), IMAGE, ops={"RESHAPE": 1}),
    case("merge_batch", lambda x: x.reshape(-1, 3), IMAGE, ops={"RESHAPE": 1}),
    case("reshape_chain", lambda x: x.reshape(-1, 2).reshape(-1, 6) + 1, ops={"ADD": 1}),
    case("squeeze", lambda x: x[:, None].squeeze(1) + 1, ops={"ADD": 1}),
    case("expand_dims", lambda x: jnp.expand_dims(x, (1, 3)), ops={"RESHAPE": 1}),
    case("transpose", lambda x: x.transpose(0, 3, 1, 2), IMAGE, ops={"TRANSPOSE": 1}),
    case("transpose_batch", lambda x: x.T, ops={"TRANSPOSE": 1}),
    case(
        "transpose_twice",
        lambda x: x.transpose(0, 3, 1, 2).transpose(0, 2, 3, 1) + 1,
        IMAGE,
        ops={"ADD": 1},
    ),
    case("concatenate", lambda x, y: jnp.concatenate([x, y], -1), X, Y, ops={"CONCATENATION": 1}),
    case("concatenate_constant", lambda x: jnp.concatenate([x, jnp.ones((x.shape[0], 2))], -1)),
    case("stack", lambda x, y: jnp.stack([x, y], 1), X, Y),
    case("split", lambda x: jnp.split(x, 3, -1), ops={"SPLIT": 1}),
    case("split_uneven", lambda x: jnp.split(x, [1, 3], -1)),
    case("slice", lambda x: x[:, 1:4], ops={"SLICE": 1}),
    case("slice_step", lambda x: x[:, 1::2], ops={"STRIDED_SLICE": 1}),
    case("index_third_row", lambda x: jnp.concatenate([x, x, x])[2]),
    case("unstack", lambda x: [part * 2 for part in jnp.unstack(x, axis=1)], IMAGE),
    case("slice_last_row", lambda x: x[-1:, :]),
    case("slice_all_but_last_row", lambda x: jnp.concatenate([x, x], 0)[:-1]),
    case("index", lambda x: x[:, 2]),
    case("index_negative", lambda x: x[..., -1], IMAGE),
    case("index_two", lambda x: x[:, 1, 2], IMAGE),
    case("index_first_row", lambda x: x[0]),
    case("dynamic_slice_constant", lambda x: lax.dynamic_slice_in_dim(x, 2, 3, 1)),
    case(
        "dynamic_slice",
        lambda x, i: lax.dynamic_slice_in_dim(x, i[0] * 9, 3, 1),
        X,
        TensorSpec((1,), np.int32),
    ),
    case(
        "dynamic_update_slice",
        lambda x, i: lax.dynamic_update_slice_in_dim(x, x[:, :2] * 10, i[0] * 9, 1),
        X,
        TensorSpec((1,), np.int32),
    ),
    case("pad", lambda x: jnp.pad(x, ((0, 0), (1, 2))), ops={"PAD": 1}),
    case(
        "pad_value", lambda x: jnp.pad(x, ((0, 0), (1, 2)), constant_values=7.0), ops={"PADV2": 1}
    ),
    case("pad_edge", lambda x: jnp.pad(x, ((0, 0), (1, 2)), mode="edge")),
    case("pad_reflect", lambda x: jnp.pad(x, ((0, 0), (1, 2)), mode="reflect")),
    case("rev", lambda x: x[:, ::-1], ops={"REVERSE_V2": 1}),
    case("flip_two", lambda x: jnp.flip(x, (1, 2)), IMAGE),
    case("tile", lambda x: jnp.tile(x, (1, 3)), ops={"TILE": 1}),
    case("repeat", lambda x: jnp.repeat(x, 2, axis=1)),
    case("roll", lambda x: jnp.roll(x, 2, axis=1)),
    case("broadcast_to", lambda x: jnp.broadcast_to(x[:, None], (x.shape[0], 3, 6))),
    case("broadcast_static", lambda x: jnp.broadcast_to(x, (3, 2, 4)), TensorSpec((2, 1))),
    case("iota", lambda x: x + jnp.arange(6, dtype=jnp.float32)[None], ops={"ADD": 1}),
    case("iota_batch", lambda x: x + jnp.arange(x.shape[0], dtype=jnp.float32)[:, None]),
    case("one_hot", lambda i: jax.nn.one_hot(i, 4), TensorSpec((None,), np.int32)),
    case("eye", lambda x: x @ jnp.eye(6)),
    case("tril", lambda x: x * jnp.tril(jnp.ones((6, 6)))[2:3]),
    case("zeros", lambda x: jnp.zeros((x.shape[0], 3)), X),
    case("ones_like", jnp.ones_like),
    case("shape_value", lambda x: x * x.shape[0]),
    case("swapaxes", lambda x: jnp.swapaxes(x, 1, 2), IMAGE),
    case("moveaxis", lambda x: jnp.moveaxis(x, -1, 1), IMAGE),
    case(
        "meshgrid",
        lambda x: (
            x + jnp.stack(jnp.meshgrid(jnp.arange(2.0), jnp.arange(3.0)), -1).reshape(1, 12)[:, :6]
        ),
    ),
    case("upsample", lambda x: jnp.repeat(jnp.repeat(x, 2, 1), 2, 2), IMAGE),
    case(
        "resize_nearest", lambda x: jax.image.resize(x, (x.shape[0], 10, 12, 3), "nearest"), IMAGE
    ),
    case(
        "resize_bilinear", lambda x: jax.image.resize(x, (x.shape[0], 10, 12, 3), "bilinear"), IMAGE
    ),
]

REDUCTIONS = [
    case("sum", lambda x: x.sum(-1), ops={"SUM": 1}),
    case("sum_keep", lambda x: x.sum(-1, keepdims=True), ops={"SUM": 1}),
    case("sum_all", lambda x: x.sum()),
    case("sum_two", lambda x: x.sum((1, 3)), IMAGE, ops={"SUM": 1}),
    case("sum_broadcast", lambda x: jnp.ones_like(x).sum(1) + x[:, 0]),
    case("max", lambda x: x.max(-1), ops={"REDUCE_MAX": 1}),
    case("min", lambda x: x.min(-1), ops={"REDUCE_MIN": 1}),
    case("prod", lambda x: x.prod(-1), ops={"REDUCE_PROD": 1}),
    case("mean", lambda x: x.mean(-1), ops={"MEAN": 1}),
    case("mean_keep", lambda x: x.mean((1, 2), keepdims=True), IMAGE, ops={"MEAN": 1}),
    case("mean_over_batch", lambda x: x.mean(0), ops={"MEAN": 1}),
    case("mean_all", lambda x: x.mean(), IMAGE, ops={"MEAN": 1}),
    case("var", lambda x: x.var(-1)),
    case("std_over_batch", lambda x: x.std(0)),
    case("any", lambda x: x.any(-1), BOOLS, ops={"REDUCE_ANY": 1}),
    case("all", lambda x: x.all(-1), BOOLS, ops={"REDUCE_ALL": 1}),
    case("int_sum", lambda x: x.sum(-1), INTS),
    case("int_max", lambda x: x.max(-1), INTS),
    case("argmax", lambda x: jnp.argmax(x, -1), ops={"ARG_MAX": 1}),
    case("argmin", lambda x: jnp.argmin(x, 1), IMAGE, ops={"ARG_MIN": 1}),
    case("cumsum", lambda x: jnp.cumsum(x, 1), ops={"CUMSUM": 1}),
    case("cumsum_reverse", lambda x: lax.cumsum(x, 1, reverse=True), ops={"CUMSUM": 1}),
    case("top_k", lambda x: lax.top_k(x, 3), ops={"TOPK_V2": 1}),
    case("logsumexp", lambda x: jax.nn.logsumexp(x, -1)),
    case("norm", lambda x: x / jnp.linalg.norm(x, axis=-1, keepdims=True)),
]

PRODUCTS = [
    case("dense", lambda x: x @ W, ops={"FULLY_CONNECTED": 1}),
    case("dense_3d", lambda x: x @ W[:3], IMAGE, ops={"FULLY_CONNECTED": 1}),
    case(
        "dense_bias_relu",
        lambda x: jax.nn.relu(x @ W + jnp.ones((1, 4))),
        ops={"FULLY_CONNECTED": 1},
    ),
    case("vector", lambda x: x @ W[:, 0]),
    case("constant_left", lambda x: W.T @ x.T),
    case(
        "einsum_heads",
        lambda x: jnp.einsum("bhwc,chd->bwhd", x, np.ones((3, 5, 2), np.float32)),
        IMAGE,
    ),
    case(
        "einsum_merge",
        lambda x: jnp.einsum("bhwc,wcd->bhd", x, np.ones((6, 3, 2), np.float32)),
        IMAGE,
    ),
    case("matmul", lambda x, y: x @ y.T, X, TensorSpec((None, 6)), ops={"BATCH_MATMUL": 1}),
    case("matmul_batched", lambda x: x @ jnp.swapaxes(x, -1, -2), IMAGE, ops={"BATCH_MATMUL": 1}),
    case("attention_scores", lambda x: jnp.einsum("bqhd,bkhd->bhqk", x, x), IMAGE),
    case("outer", lambda x: jnp.einsum("bi,bj->bij", x, x)),
    case("inner", lambda x, y: jnp.einsum("bi,bi->b", x, y), X, Y),
    case("full_inner", lambda x: jnp.vdot(x, x)),
]

GATHERS = [
    case(
        "take_clip",
        lambda i: jnp.take(TABLE, i, axis=0, mode="clip"),
        TensorSpec((None, 3), np.int32),
        ops={"GATHER": 1},
    ),
    case(
        "take_promised",
        lambda i: (
            jnp.asarray(TABLE).at[i].get(mode="promise_in_bounds", wrap_negative_indices=False)
        ),
        TensorSpec((None, 3), np.int32),
        ops={"GATHER": 1},
    ),
    case("take_default", lambda i: jnp.take(TABLE, i, axis=0), TensorSpec((None, 3), np.int32)),
    case("index_array", lambda i: jnp.asarray(TABLE)[i - 1], TensorSpec((None, 3), np.int32)),
    case(
        "take_axis_1",
        lambda x, i: jnp.take(x, i, axis=1, mode="clip"),
        IMAGE,
        TensorSpec((4,), np.int32),
    ),
    case("take_columns", lambda x: x[:, jnp.array([0, 2, 2, 5])], X),
    case("take_along_axis", lambda x, i: jnp.take_along_axis(x, i, axis=1), X, INTS),
    case(
        "gather_nd", lambda i: jnp.asarray(TABLE)[i[:, 0], i[:, 1]], TensorSpec((None, 2), np.int32)
    ),
]


@pytest.mark.parametrize(
    ("fn", "specs", "options"),
    [*BINARY, *UNARY, *LOGIC, *SHAPES, *REDUCTIONS, *PRODUCTS, *GATHERS],
)
def test_equals_jax(check: Any, fn: Any, specs: Any, options: Any) -> None:
    check(fn, *specs, **options)
