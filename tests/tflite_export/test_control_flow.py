"""Loops and branches, against JAX, at several batch sizes."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from nnlib.tflite_export import Interpreter, TensorSpec, convert, export_tflite
from nnlib.tflite_export.trace import trace
from nnlib.tflite_export.verify import run

RANDOM = np.random.default_rng(3)
W = RANDOM.normal(size=(3, 4)).astype(np.float32)
U = RANDOM.normal(size=(4, 4)).astype(np.float32)
STEPS = TensorSpec((None, 5, 3))
FREE_STEPS = TensorSpec((None, None, 3))
X = TensorSpec((None, 4))
FIXED = TensorSpec((2, 4))
SCALAR = TensorSpec((), np.int32)


def recurrent(x: jax.Array, **options: Any) -> Any:
    """A recurrent layer by hand."""

    def step(h: jax.Array, now: jax.Array) -> Any:
        h = jnp.tanh(now @ W + h @ U)
        return h, h

    return lax.scan(step, jnp.zeros((x.shape[0], 4)), jnp.swapaxes(x, 0, 1), **options)


def two_carries(x: jax.Array) -> Any:
    def step(state: Any, now: Any) -> Any:
        total, count = state
        row, real = now
        total = jnp.where(real[:, None], total + row, total)
        return (total, count + 1), {"seen": total * 2, "count": count, "real": real}

    rows = jnp.swapaxes(x, 0, 1)
    first = (jnp.ones((x.shape[0], 3)), jnp.int32(0))
    return lax.scan(step, first, (rows, rows[:, :, 0] > 0))


def closed_over(x: jax.Array) -> Any:
    """The loop reads a constant and a value of the input; the transpose is worth hoisting."""
    key = x[:, 0] @ W

    def step(h: jax.Array, now: jax.Array) -> Any:
        return h + (now @ W) * key + jnp.transpose(jnp.transpose(key)), None

    return lax.scan(step, jnp.ones((x.shape[0], 4)), jnp.swapaxes(x, 0, 1))[0]


def swapped(x: jax.Array) -> Any:
    return lax.fori_loop(0, 3, lambda i, pair: (pair[1], pair[0]), (x, 2 * x))


def rotated(x: jax.Array) -> Any:
    return lax.while_loop(lambda s: s[0] < 4, lambda s: (s[0] + 1, s[2], s[1]), (0, x, 2 * x))[1:]


def sums(x: jax.Array) -> jax.Array:
    return lax.while_loop(lambda s: jnp.abs(s).sum() < 100.0, lambda s: s * 1.5 + 1.0, x)


def never(x: jax.Array) -> jax.Array:
    return lax.while_loop(lambda s: jnp.max(s) > jnp.inf, lambda s: s + 1, x)


def reading_condition(x: jax.Array) -> Any:
    """Condition and body both read values of the input."""
    limit = jnp.abs(x).sum()
    return lax.while_loop(lambda s: s[0] < limit, lambda s: (s[0] + 1.0, s[1] + x), (0.0, x))


def flags(x: jax.Array) -> jax.Array:
    """A carry of bools over the free batch."""
    done = jnp.zeros((x.shape[0],), bool)
    start = jnp.full((x.shape[0],), True)
    end, other, _ = lax.fori_loop(
        0, 3, lambda i, s: (s[0] | (x[:, 0] > i - 1), s[1] & (x[:, 1] > 0), i), (done, start, 0)
    )
    return jnp.stack([end.astype(jnp.float32), other.astype(jnp.float32)])


def nested(x: jax.Array) -> jax.Array:
    def outer(total: jax.Array, row: jax.Array) -> Any:
        inner = lax.fori_loop(0, 3, lambda i, y: y + row * i, total)
        return lax.cond(inner.sum() > 0, lambda y: y * 0.5, lambda y: y - row, inner), None

    return lax.scan(outer, jnp.zeros(4), x)[0]


def batch_count(x: jax.Array) -> jax.Array:
    """The loop needs the batch size, which no value in it has as an axis of its own."""
    return lax.fori_loop(0, 3, lambda i, s: s + jnp.float32(x.shape[0]), jnp.float32(0))


def times_batch(x: jax.Array) -> jax.Array:
    return lax.fori_loop(0, x.shape[0], lambda i, y: y * 0.5 + i, x)


def gates(x: jax.Array) -> Any:
    """Initial values of a row for all of the batch, and of a variable for all of it."""
    first = jnp.broadcast_to(jnp.arange(4.0), (x.shape[0], 4))
    second = jnp.broadcast_to(x[0], (x.shape[0], 4))
    return lax.fori_loop(0, 2, lambda i, s: (s[0] + s[1], s[1] * 2), (first, second))


def in_rows(x: jax.Array) -> jax.Array:
    """Under vmap each row stops at a time of its own."""

    def row(r: jax.Array) -> jax.Array:
        return lax.while_loop(lambda s: s.sum() < 9.0, lambda s: s + jnp.abs(r) + 0.5, r)

    return jax.vmap(row)(x)


def derivative(x: jax.Array) -> jax.Array:
    def loss(x: jax.Array) -> jax.Array:
        rows = lax.scan(lambda c, v: (jnp.tanh(c + v), None), jnp.zeros(x.shape[:1]), x.T)[0]
        return lax.cond(x.sum() > 0, lambda y: (y**2).sum(), lambda y: y.sum(), rows)

    return jax.grad(loss)(x)


def greedy(x: jax.Array) -> Any:
    """Each step begins with the choice of the one before."""

    def step(state: jax.Array, _: None) -> Any:
        choice = jnp.argmax(state @ U, -1)
        return jax.nn.one_hot(choice, 4), (choice, choice > 1)

    return lax.scan(step, x, None, length=4)[1]


def static_index(x: jax.Array) -> jax.Array:
    return lax.switch(5, [lambda y: y, lambda y: y + 1, lambda y: y * 2], x)


LOOPS = {
    "scan": (recurrent, [STEPS], (1, 4)),
    "scan_reverse": (lambda x: recurrent(x, reverse=True), [STEPS], (1, 4)),
    "scan_fixed": (recurrent, [TensorSpec((2, 5, 3))], (2,)),
    "scan_free_length": (recurrent, [FREE_STEPS], (1, 4)),
    "scan_free_length_reverse": (lambda x: recurrent(x, reverse=True), [FREE_STEPS], (3,)),
    "scan_last": (lambda x: recurrent(x)[0], [STEPS], (1, 4)),
    "scan_stack": (lambda x: recurrent(x)[1], [STEPS], (1, 4)),
    "scan_one_step": (recurrent, [TensorSpec((None, 1, 3))], (1, 4)),
    "scan_pytrees": (two_carries, [STEPS], (1, 4)),
    "scan_closed_over": (closed_over, [STEPS], (1, 4)),
    "scan_constant": (
        lambda x: x + lax.scan(lambda c, w: (c + w, c), jnp.zeros(4), U)[1][:1],
        [X],
        (2,),
    ),
    "scan_constant_steps": (
        lambda x: lax.scan(lambda c, w: (c * w[None], c), x, U),
        [X],
        (1, 3),
    ),
    "scan_count": (
        lambda x: lax.scan(lambda c, _: (c * 2, c), x, None, length=4),
        [X],
        (1, 3),
    ),
    "map": (lambda x: lax.map(lambda row: row / jnp.sum(row), x), [X], (1, 5)),
    "map_axis": (lambda x: lax.map(jnp.sum, x), [FIXED], (2,)),
    "fori_swap": (swapped, [X], (1, 3)),
    "while_rotate": (rotated, [X], (3,)),
    "while_sums": (sums, [X], (1, 3)),
    "while_never": (never, [X], (3,)),
    "while_reads": (reading_condition, [FIXED], (2,)),
    "while_in_rows": (in_rows, [X], (1, 4)),
    "derivative": (derivative, [X], (1, 3)),
    "greedy": (greedy, [X], (1, 3)),
    "platform": (
        lambda x: lax.platform_dependent(x, tpu=jnp.cos, cpu=jnp.sin, default=jnp.tan),
        [X],
        (2,),
    ),
    "flags": (flags, [X], (1, 3)),
    "nested": (nested, [X], (1, 3)),
    "batch_count": (batch_count, [X], (2, 3)),
    "times_batch": (times_batch, [X], (1, 3)),
    "initial_values": (gates, [X], (1, 3)),
}


@pytest.mark.parametrize("name", LOOPS)
def test_loop(check: Any, name: str) -> None:
    fn, specs, sizes = LOOPS[name]
    check(fn, *specs, sizes=sizes)


def branches(count: int) -> Any:
    names = [
        lambda x: x,
        lambda x: x + U[0][None],
        lambda x: jnp.ones_like(x),
        lambda x: x @ U,
        lambda x: jnp.broadcast_to(x[:1], x.shape),
    ]
    return names[:count]


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_switch_takes_the_nearest_branch(count: int) -> None:
    def fn(i: jax.Array, x: jax.Array) -> jax.Array:
        return lax.switch(i, branches(count), x)

    report = export_tflite(fn, (SCALAR, X), verify=False)
    assert report.ops.get("IF", 0) == count - 1
    x = RANDOM.normal(size=(3, 4)).astype(np.float32)
    for number in (-3, *range(count), count + 4):
        (got,) = run(Interpreter(model_content=report.content), [np.int32(number), x])
        np.testing.assert_allclose(got, fn(jnp.int32(number), x), rtol=1e-6, atol=1e-6)


def test_cond(check: Any) -> None:
    def fn(x: jax.Array) -> Any:
        return lax.cond(x.sum() > 0, lambda y: (y + x, y), lambda y: (y * 2, x - 1), x)

    for sign in (1, -1):
        report = check(fn, X, make=lambda x, sign=sign: sign * np.abs(x), sizes=(1, 3))
        assert report.ops["IF"] == 1
        assert "CAST" not in report.ops  # the comparison itself decides


def test_cond_without_operands(check: Any) -> None:
    for sign in (1, -1):
        check(
            lambda x: lax.cond(x.sum() > 0, lambda: jnp.arange(3.0), lambda: jnp.ones(3)),
            X,
            make=lambda x, sign=sign: sign * np.abs(x),
            sizes=(2,),
        )


def test_constant_choice_is_no_branch(check: Any) -> None:
    check(static_index, X, ops={"MUL": 1})


def test_what_nothing_reads_is_dropped(check: Any) -> None:
    """Of two carries and two stacked results only one carry is read."""

    def fn(x: jax.Array) -> jax.Array:
        def step(state: Any, now: jax.Array) -> Any:
            return (state[0] + now, jnp.sin(state[1])), (jnp.cos(now), state[1])

        rows = jnp.swapaxes(x, 0, 1)
        return lax.scan(step, (rows[0], rows[1]), rows)[0][0]

    ops = check(fn, STEPS).ops
    assert not {"SIN", "COS", "DYNAMIC_UPDATE_SLICE"} & set(ops)


def test_fixed_work_is_done_once(check: Any) -> None:
    """What does not change from round to round is computed before the loop."""

    def fn(x: jax.Array) -> jax.Array:
        return lax.fori_loop(0, 3, lambda i, y: y + jnp.sin(x) @ U, x)

    check(fn, X)
    (loop,) = [op for op in convert.build_graph(trace(fn, X)).ordered() if op.kind == "WHILE"]
    inside = {op.kind for graph in loop.graphs for op in graph.ordered()}
    assert not {"SIN", "FULLY_CONNECTED"} & inside


def test_zeros_of_the_batch_keep_no_nan(check: Any) -> None:
    """The initial zeros take their shape from the input, never its values."""

    def fn(x: jax.Array) -> jax.Array:
        return lax.fori_loop(0, 2, lambda i, s: s + 1, jnp.zeros((x.shape[0], 3)))

    check(fn, X, make=lambda x: x * np.float32(np.nan))
