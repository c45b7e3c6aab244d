"""Probe of mathematical functions: each exports and agrees with JAX in LiteRT."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.scipy import special

from tests.tflite_export.probe import (
    BOOLS,
    CUBE,
    FIXED,
    IMAGE,
    INTS,
    X,
    Y,
    integers,
    positive,
    row,
    specials,
    ties,
    unit,
    wide,
)

ELEMENTWISE = [
    row("asin", jnp.arcsin, make=unit),
    row("acos", jnp.arccos, make=unit),
    row("atan", jnp.arctan, make=wide),
    row("asinh", jnp.arcsinh, make=wide),
    row("acosh", lambda x: jnp.arccosh(1 + x), make=positive),
    row("atanh", jnp.arctanh, make=unit),
    row("cbrt", jnp.cbrt, make=wide),
    row("erf_inv", special.erfinv, make=unit, tol=2e-5),
    row("lgamma", special.gammaln, make=positive, tol=2e-5),
    row("lgamma_negative", special.gammaln, make=wide, tol=1e-4),
    row("digamma", special.digamma, make=positive, tol=2e-5),
    row("logaddexp", jnp.logaddexp, X, Y, make=wide),
    row("logaddexp2", jnp.logaddexp2, X, Y),
    row("log2", jnp.log2, make=positive),
    row("log10", jnp.log10, make=positive),
    row("log1p_wide", lambda x: jnp.log1p(jnp.abs(x) * 1e4)),
    row("expm1_wide", jnp.expm1, make=wide, tol=2e-5),
    row("exp2", jnp.exp2),
    row("hypot", jnp.hypot, X, Y),
    row("sinc", jnp.sinc),
    row("trunc", jnp.trunc, make=wide),
    row("fix", jnp.trunc, make=wide),
    row("modf", jnp.modf, make=wide),
    row("copysign", jnp.copysign, X, Y),
    row("signbit", jnp.signbit),
    row("heaviside", jnp.heaviside, X, Y, make=ties),
    row("fmod", jnp.fmod, X, Y, make=wide),
    row("remainder", jnp.remainder, X, Y, make=wide),
    row("divmod", lambda x: jnp.divmod(x, 0.75), make=wide),
    row("floor_divide_float", lambda x, y: x // y, X, Y, make=wide),
    row("nan_to_num", jnp.nan_to_num, make=specials),
    row("isposinf", jnp.isposinf, make=specials),
    row("isinf", jnp.isinf, make=specials),
    row("isfinite", jnp.isfinite, make=specials),
    row("isnan", jnp.isnan, make=specials),
    row("sign_specials", jnp.sign, make=specials),
    row("round_decimals", lambda x: jnp.round(x, 2)),
    row("round_specials", jnp.round, make=specials),
    row("clip", lambda x: jnp.clip(x, -0.5, 0.5)),
    row("xlogy", special.xlogy, X, Y, make=positive),
    row("entr", special.entr, make=positive),
    row("logit", special.logit, make=lambda x: np.abs(x) / 9 + np.float32(0.01)),
    row("expit", special.expit),
    row("ndtr", special.ndtr),
    row("log_ndtr", special.log_ndtr),
    row("logsumexp", lambda x: special.logsumexp(x, axis=-1)),
    row("betaln", special.betaln, X, Y, make=positive, tol=5e-5),
    row("deg2rad", jnp.deg2rad),
    row("square_root", lambda x: jnp.sqrt(jnp.square(x) + 1)),
    row("sin_wide", jnp.sin, make=wide),
    row("tan", jnp.tan, make=unit),
    row("sinh_wide", jnp.sinh, make=wide, tol=2e-5),
    row("float_power", lambda x: x**0.3, make=positive),
    row("power_of_negative", lambda x: x**3.0),
    row("exponent_int_array", lambda x, n: x**n, X, INTS, make=integers, tol=1e-4),
    row("isclose", lambda x, y: jnp.isclose(x, y, atol=0.5), X, Y),
    row("array_equal", lambda x, y: jnp.array_equal(x, y), X, Y),
    row("where_nan", lambda x: jnp.where(jnp.isnan(x), 0.0, x), make=specials),
    row("relu_specials", jax.nn.relu, make=specials),
    row("abs_specials", jnp.abs, make=specials),
    row("lerp", lambda x, y: x + 0.25 * (y - x), X, Y),
    row("real_imag_free", lambda x: jnp.real(x) + 1),
]

INTEGER = [
    row("mod", lambda x: x % 3, INTS, make=integers),
    row("mod_negative", lambda x: x % -3, INTS, make=integers),
    row("floor_divide", lambda x: x // 3, INTS, make=integers),
    row("floor_divide_array", lambda x, y: x // (2 * jnp.abs(y) + 1), INTS, INTS, make=integers),
    row("rem", lambda x: lax.rem(x, jnp.full_like(x, 3)), INTS, make=integers),
    row("sign", jnp.sign, INTS, make=integers),
    row("abs", jnp.abs, INTS, make=integers),
    row("power", lambda x: x**3, INTS, make=integers),
    row("minimum", jnp.minimum, INTS, INTS, make=integers),
    row("true_divide", lambda x: x / 7, INTS, make=integers),
    row("bitwise_xor", lambda x: x ^ 5, INTS, make=integers),
    row("bitwise_not", lambda x: ~x, INTS, make=integers),
    row("shift_right", lambda x: x >> 1, INTS, make=integers),
    row("shift_right_logical", lambda x: lax.shift_right_logical(x, 3), INTS, make=integers),
    row("shift_left", lambda x: x << 2, INTS, make=integers),
    row("bitwise_and", lambda x: x & 6, INTS, make=integers),
    row("bitwise_or", lambda x, y: x | y, INTS, INTS, make=integers),
    row("prod", lambda x: jnp.prod(x, -1), INTS, make=integers),
    row("mean", lambda x: jnp.mean(x, -1), INTS, make=integers),
    row("dot", lambda x, y: jnp.einsum("bi,bi->b", x, y), INTS, INTS, make=integers),
    row("matmul", lambda x: x @ np.arange(24, dtype=np.int32).reshape(6, 4), INTS, make=integers),
    row("clip", lambda x: jnp.clip(x, -2, 2), INTS, make=integers),
    row("bool_sum", lambda x: x.sum(-1), BOOLS),
    row("bool_xor", jnp.logical_xor, BOOLS, BOOLS),
    row("bool_max", lambda x: x.max(-1), BOOLS),
    row("bool_argmax", lambda x: jnp.argmax(x, -1), BOOLS),
    row("bool_cumsum", lambda x: jnp.cumsum(x, -1), BOOLS),
    row("count_nonzero", lambda x: jnp.count_nonzero(x, axis=-1), X, make=ties),
]

CASTS = [
    row(f"cast_{name}", lambda x, n=name: x.astype(n).astype(jnp.float32), make=positive)
    for name in ("int32", "int16", "int8", "uint8", "bool")
] + [
    row("int_to_int8", lambda x: x.astype(jnp.int8).astype(jnp.int32), INTS, make=integers),
    row("int_to_int16", lambda x: x.astype(jnp.int16), INTS, make=integers),
    row("int_to_uint8", lambda x: jnp.abs(x).astype(jnp.uint8), INTS, make=integers),
]

REDUCTIONS = [
    row("argmax_ties", lambda x: jnp.argmax(x, -1), make=ties),
    row("argmin_ties", lambda x: jnp.argmin(x, 0), FIXED, make=ties),
    row("argmax_int", lambda x: jnp.argmax(x, -1), INTS, make=integers),
    row("argmin_int", lambda x: jnp.argmin(x, -1), INTS, make=integers),
    row("argmax_flat", lambda x: jnp.argmax(x), FIXED),
    row("maximum_nan", jnp.maximum, X, Y, make=specials),
    row("nansum", lambda x: jnp.nansum(x, -1), make=ties),
    row("nanmax", lambda x: jnp.nanmax(x, -1), make=ties),
    row("prod", lambda x: jnp.prod(x, -1)),
    row("ptp", lambda x: jnp.ptp(x, -1)),
    row("std", lambda x: jnp.std(x, -1)),
    row("var_unbiased", lambda x: jnp.var(x, -1, ddof=1)),
    row("average", lambda x: jnp.average(x, -1, weights=np.arange(1.0, 7.0))),
    row("median", lambda x: jnp.median(x, -1)),
    row("quantile", lambda x: jnp.quantile(x, 0.25, axis=-1)),
    row("percentile", lambda x: jnp.percentile(x, 60, axis=-1)),
    row("norm", lambda x: jnp.linalg.norm(x, axis=-1)),
    row("norm_1", lambda x: jnp.linalg.norm(x, ord=1, axis=-1)),
    row("norm_inf", lambda x: jnp.linalg.norm(x, ord=np.inf, axis=-1)),
    row("frobenius", lambda x: jnp.linalg.norm(x, axis=(1, 2)), CUBE),
    row("cumsum", lambda x: jnp.cumsum(x, 1)),
    row("cumsum_axis_0", lambda x: jnp.cumsum(x, 0)),
    row("cumsum_flat", lambda x: jnp.cumsum(x), FIXED),
    row("cumprod", lambda x: jnp.cumprod(x, 1)),
    row("cummax", lambda x: lax.cummax(x, 1), X),
    row("cummin_reverse", lambda x: lax.cummin(x, 1, reverse=True), X),
    row("cumlogsumexp", lambda x: lax.cumlogsumexp(x, 1), X),
    row("cumsum_int", lambda x: jnp.cumsum(x, 1), INTS, make=integers),
    row("diff", lambda x: jnp.diff(x, axis=1)),
    row("trapezoid", lambda x: jnp.trapezoid(x, axis=-1)),
    row("cov", lambda x: jnp.cov(x), FIXED),
    row("trace", lambda x: jnp.trace(x[:, :4]), FIXED),
    row("any_float", lambda x: jnp.any(x > 1, -1)),
    row("all_axes", lambda x: jnp.all(x > -9), FIXED),
    row("max_three_axes", lambda x: jnp.max(x, (1, 2, 3)), IMAGE),
    row("reduce_custom", lambda x: lax.reduce(x, 0.0, lax.add, (1,))),
    row("argmax_keepdims", lambda x: jnp.argmax(x, -1, keepdims=True)),
]


@pytest.mark.parametrize(
    ("fn", "specs", "options"), [*ELEMENTWISE, *INTEGER, *CASTS, *REDUCTIONS]
)
def test_mathematics(check: Any, fn: Any, specs: Any, options: Any) -> None:
    check(fn, *specs, **options)
