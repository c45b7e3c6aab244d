"""Dtypes with few kernels: narrow and unsigned integers, half floats, bits, far indices."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from nnlib.tflite_export import TensorSpec, export_tflite

from tests.tflite_export.conftest import outputs_of
from tests.tflite_export.probe import X, row

EDGES = [0, 1, -1, 2, -7, 1000, 2**31 - 1, -(2**31), 65535, -65536, 123456789, -987654321]
SHIFTS = [0, 1, 31, 32, 33, -1, 7, 16, 2, 30, 100, -(2**31)]
WORDS = TensorSpec((len(EDGES),), np.int32)
PLACES = TensorSpec((8,), np.int32)
TABLE = np.arange(12, dtype=np.float32).reshape(6, 2)


def edges(x: np.ndarray) -> np.ndarray:
    """Integers at the ends of their range, and numbers without sign; floats stay."""
    if x.dtype == np.float32:
        return x
    return np.resize(np.array(EDGES), x.shape).astype(x.dtype)


def outside(x: np.ndarray) -> np.ndarray:
    """Positions in front of, inside of and behind an axis of 6; floats stay."""
    if x.dtype != np.int32:
        return x
    return np.resize(np.array([-1, 5, 99, -99, 0, 3, -7, 6], np.int32), x.shape)


def narrow(x: jax.Array) -> Any:
    y = x + x, x * 3, -x, jnp.maximum(x, 2), x > 1, x.max(), jnp.argmax(x), jnp.sort(x)
    return (*y, jnp.pad(x, 1), x & 6, x // 3, jnp.where(x > 0, x, 1), x.sum(dtype=jnp.int32))


def bools(x: jax.Array) -> Any:
    return x < ~x, x >= x[::-1], jnp.maximum(x, ~x), jnp.argsort(x), jnp.sort(x)


def unsigned(x: jax.Array) -> Any:
    a, b = x.astype(jnp.uint32), x[::-1].astype(jnp.uint32)
    words = a + b, a * b, a | b, a & jnp.uint32(0xFF), a >> 5, a << 3, jnp.maximum(a, b), a % 10
    words = (*words, a // 7, a // (2**30), a.max(), jnp.where(a > b, a, b), jnp.take(a, x))
    floats = a.astype(jnp.float32), (a < b), (a != b), (a >> 8).astype(jnp.uint8)
    return [w.astype(jnp.int32) for w in words], floats


def from_float(x: jax.Array) -> jax.Array:
    return lax.bitcast_convert_type((jnp.abs(x) * 1e9).astype(jnp.uint32), jnp.int32)


def bits(x: jax.Array) -> Any:
    return lax.population_count(x), lax.clz(x)


def shifts(x: jax.Array) -> Any:
    count = jnp.asarray(SHIFTS, jnp.int32) + 0 * x
    return x << count, x >> count, lax.shift_right_logical(x, count)


def divisions(x: jax.Array) -> Any:
    y = (x % 5) * (x % 3)
    return lax.div(x, y), lax.rem(x, y), lax.rem(x, jnp.full_like(x, 3)), x // 3


def half(x: jax.Array) -> Any:
    y = x.astype(jnp.float16)
    return y, y.astype(jnp.float32), jnp.round(y * 8).astype(jnp.int32)


def brain(x: jax.Array) -> jax.Array:
    return x.astype(jnp.bfloat16).astype(jnp.float32)


ROWS = [
    row("int8", narrow, TensorSpec((12,), np.int8), make=edges),
    row("uint8", lambda x: narrow(x)[2:], TensorSpec((12,), np.uint8), make=edges),
    row("int16", narrow, TensorSpec((12,), np.int16), make=edges),
    row("bools", bools, TensorSpec((6,), np.bool_)),
    row("unsigned", unsigned, WORDS, make=edges),
    row("unsigned_of_float", from_float),
    row("bits", bits, WORDS, make=edges),
    row("shifts", shifts, WORDS, make=edges),
    row("divisions", divisions, WORDS, make=edges),
    row("float16", half),
    row("bfloat16", brain, tol=0.0),
    row("take_clip", lambda i: jnp.take(i + 1, i, mode="clip"), PLACES, make=outside),
    row("take_fill", lambda i: jnp.take(TABLE, i, axis=0), PLACES, make=outside),
    row("take_columns", lambda x, i: jnp.take(x, i, axis=1), X, PLACES, make=outside),
    row("take_integers", lambda i: jnp.take(i, i), PLACES, make=outside),
    row("index_two_axes", lambda i: jnp.asarray(TABLE)[i, i], PLACES, make=outside),
    row("grad_of_sort", jax.grad(lambda x: (jnp.sort(x) * jnp.arange(6.0)[None]).sum())),
]


@pytest.mark.parametrize(("fn", "specs", "options"), ROWS)
def test_dtypes(check: Any, fn: Any, specs: Any, options: Any) -> None:
    check(fn, *specs, **options)


def test_positions_that_are_in_range_are_not_checked() -> None:
    def fn(x: jax.Array) -> jax.Array:
        return jnp.take(TABLE, jnp.argmax(x, -1), axis=0)

    assert export_tflite(fn, X).ops == {"ARG_MAX": 1, "GATHER": 1}


def test_promised_positions_are_one_gather() -> None:
    places = TensorSpec((None,), np.int32)
    table = jnp.asarray(TABLE)
    report = export_tflite(lambda i: table.at[jnp.abs(i)].get(mode="promise_in_bounds"), places)
    assert report.ops["GATHER"] == 1
    assert "MINIMUM" not in report.ops


def test_running_log_sum_exp_keeps_nan() -> None:
    report = export_tflite(lambda x: lax.cumlogsumexp(x, 0), TensorSpec((4,)))
    x = np.array([1.0, np.nan, -np.inf, 2.0], np.float32)
    (got,) = outputs_of(report, x)
    np.testing.assert_allclose(got, np.asarray(lax.cumlogsumexp(jnp.asarray(x), 0)), rtol=1e-6)


def test_a_value_that_is_read_later_is_not_overwritten() -> None:
    """LiteRT's planner loses count of readers behind a reshape of what was computed in place."""

    def fn(x: jax.Array) -> Any:
        t = x * 3 + 4096
        column, square = t[:, None] - 1, t.reshape(4, 2) - 5
        return column * 2, square * 3, t * 2 + 1

    report = export_tflite(fn, TensorSpec((8,), np.int32))
    x = np.arange(8, dtype=np.int32) * 1001
    for want, got in zip(fn(jnp.asarray(x)), outputs_of(report, x), strict=True):
        np.testing.assert_array_equal(got, np.asarray(want))
