"""rnn="unroll" of while loops, and stacked results and lengths of odd kinds, against JAX."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from nnlib.tflite_export import Interpreter, TensorSpec, UnsupportedOpError, export_tflite
from nnlib.tflite_export.verify import run

X = TensorSpec((None, 4))
STEPS = TensorSpec((None, 3, 4))


def counted(x: jax.Array) -> jax.Array:
    step = lambda s: (s[0] + 1, jnp.sin(s[1]) + s[0])  # noqa: E731
    return lax.while_loop(lambda s: s[0] < 4, step, (jnp.int32(0), x))[1]


def doubled(x: jax.Array) -> jax.Array:
    """Four rounds, told by a float and a limit that moves."""
    step = lambda s: (s[0] * 2, s[1] + 0.1, jnp.cos(s[2]))  # noqa: E731
    first = (jnp.float32(0.1), jnp.float32(1.0), x)
    return lax.while_loop(lambda s: s[0] < s[1], step, first)[2]


def never(x: jax.Array) -> jax.Array:
    step = lambda s: (s[0] + 1, jnp.sin(s[1]))  # noqa: E731
    return lax.while_loop(lambda s: s[0] < 0, step, (jnp.int32(0), x))[1] + 1


def nested(x: jax.Array) -> jax.Array:
    def step(s: Any) -> Any:
        return s[0] + 1, lax.fori_loop(0, s[0] + 1, lambda i, y: jnp.sin(y) + i, s[1])

    return lax.while_loop(lambda s: s[0] < 2, step, (jnp.int32(0), x))[1]


@pytest.mark.parametrize(("fn", "ops"), [(counted, 4), (doubled, 4), (never, 0), (nested, 3)])
def test_a_known_number_of_rounds_is_written_out(fn: Any, ops: int) -> None:
    report = export_tflite(fn, X, rnn="unroll", verify=True)
    assert "WHILE" not in report.ops
    assert report.ops.get("SIN", 0) + report.ops.get("COS", 0) == ops
    assert report.max_error is not None
    assert report.max_error < 1e-5


def test_rounds_that_values_decide_stay_a_loop() -> None:
    def fn(x: jax.Array) -> jax.Array:
        return lax.while_loop(lambda s: jnp.abs(s).sum() < 100.0, lambda s: s * 1.5 + 1.0, x)

    assert export_tflite(fn, X, rnn="unroll", verify=True).ops["WHILE"] == 1


def forever(x: jax.Array) -> jax.Array:
    step = lambda s: (s[0] * 0, s[1] + 1)  # noqa: E731
    return lax.while_loop(lambda s: s[0] >= 0, step, (jnp.int32(0), x))[1]


def often(x: jax.Array) -> jax.Array:
    return lax.fori_loop(0, 20_000, lambda i, y: y * 0.9999, x)


@pytest.mark.parametrize("fn", [forever, often])
def test_too_many_rounds_are_refused(fn: Any) -> None:
    with pytest.raises(UnsupportedOpError, match=r"at most 10000 steps.*rnn='while'"):
        export_tflite(fn, X, rnn="unroll")


def test_many_rounds_run_as_a_loop(check: Any) -> None:
    check(lambda x: often(x) + often(jnp.ones((1, 4))), X)


def stacked(x: jax.Array) -> Any:
    """Rows and carries of narrow integers and bools."""

    def step(state: Any, now: jax.Array) -> Any:
        before = {kind: state[kind].astype(jnp.float32) for kind in state}
        state = {kind: (now * 10).astype(value.dtype) for kind, value in state.items()}
        return state, (state, before, now > 0)

    first = {kind: jnp.zeros((x.shape[0], 4), kind) for kind in ("uint8", "int16", "int8", "bool")}
    return lax.scan(step, first, jnp.swapaxes(x, 0, 1))


@pytest.mark.parametrize("rnn", ["while", "unroll"])
def test_narrow_integers(rnn: str) -> None:
    report = export_tflite(stacked, STEPS, rnn=rnn, verify=False)
    x = np.abs(np.random.default_rng(0).normal(size=(2, 3, 4))).astype(np.float32)
    want = jax.tree_util.tree_leaves(stacked(jnp.asarray(x)))
    for exact, got in zip(want, run(Interpreter(model_content=report.content), [x]), strict=True):
        assert got.dtype == exact.dtype
        np.testing.assert_array_equal(got, exact)


@pytest.mark.parametrize("dtype", ["uint16", "float16"])
def test_other_dtypes_are_refused_with_a_remedy(dtype: str) -> None:
    def fn(x: jax.Array) -> Any:
        rows = jnp.swapaxes(x, 0, 1)
        return lax.scan(lambda c, now: (c + now, now.astype(dtype)), rows[0], rows)[1]

    with pytest.raises(UnsupportedOpError, match=rf"not {dtype}.*astype\(jnp.float32\)"):
        export_tflite(fn, STEPS)


@pytest.mark.parametrize("rnn", ["while", "unroll"])
def test_a_scan_of_no_steps(rnn: str) -> None:
    def carry(x: jax.Array) -> jax.Array:
        return lax.scan(lambda c, _: (c + 1, c), x, None, length=0)[0] * 2

    assert export_tflite(carry, X, rnn=rnn, verify=True).ops == {"MUL": 1}

    def rows(x: jax.Array) -> Any:
        return lax.scan(lambda c, _: (c + 1, c.astype(jnp.int32)), x, None, length=0)[1]

    with pytest.raises(UnsupportedOpError, match="empty arrays"):
        export_tflite(rows, X, rnn=rnn)


def test_nan_stays_in_its_carry(check: Any) -> None:
    def fn(x: jax.Array) -> Any:
        step = lambda s, now: ((s[0] + now, jnp.where(now > 0, now, s[1])), s[0])  # noqa: E731
        rows = jnp.swapaxes(x, 0, 1)
        return lax.scan(step, (rows[0], rows[1]), rows, reverse=True)

    def holes(x: np.ndarray) -> np.ndarray:
        x = x.copy()
        x[:, 1, 2], x[:, 2, 0] = np.nan, np.inf
        return x

    check(fn, STEPS, make=holes)


def test_two_loops_of_one_function(check: Any) -> None:
    """Their jaxpr is one and the same, and so are its variables."""
    loop = jax.jit(lambda y: lax.scan(lambda c, now: (jnp.tanh(c + now), c), y[0], y))

    def fn(x: jax.Array) -> Any:
        rows = jnp.swapaxes(x, 0, 1)
        return loop(rows), loop(rows * 2)

    assert check(fn, STEPS).ops["WHILE"] == 2
