"""Probe of functions that move, find and change elements of arrays."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from tests.tflite_export.probe import (
    CUBE,
    FIXED,
    IMAGE,
    INDEX,
    INDICES,
    INTS,
    VECTOR,
    X,
    Y,
    integers,
    row,
    specials,
    ties,
)

TABLE = np.arange(40, dtype=np.float32).reshape(10, 4)


def indexed(x: np.ndarray) -> np.ndarray:
    """Positions in front of, inside of and behind an axis; floats stay."""
    if x.dtype != np.int32:
        return x
    return np.resize(np.array([1, -2, 11, 0, 3, -9], np.int32), x.shape)


def inside(x: np.ndarray) -> np.ndarray:
    """Positions within an axis of 6, one of them twice; floats stay."""
    if x.dtype != np.int32:
        return x
    return np.resize(np.array([4, 1, 1, 0, 3, 5], np.int32), x.shape)


def two_keys(x: jax.Array, i: jax.Array) -> Any:
    return lax.sort((i, x), dimension=1, num_keys=2)


SORTS = [
    row("sort", lambda x: jnp.sort(x, -1)),
    row("sort_axis_0", lambda x: jnp.sort(x, 0), FIXED),
    row("sort_descending", lambda x: jnp.sort(x, -1, descending=True), make=ties),
    row("sort_int", lambda x: jnp.sort(x, -1), INTS, make=integers),
    row("sort_specials", lambda x: jnp.sort(x, -1), make=specials),
    row("argsort", lambda x: jnp.argsort(x, -1), make=ties),
    row("argsort_int", lambda x: jnp.argsort(x, -1), INTS, make=integers),
    row("argsort_descending", lambda x: jnp.argsort(x, -1, descending=True), make=ties),
    row("argsort_middle", lambda x: jnp.argsort(x, 1), CUBE, make=ties),
    row("sort_pairs", lambda x, y: lax.sort((x, y), dimension=1), X, Y, make=ties),
    row("sort_two_keys", two_keys, X, INTS, make=integers),
    row("top_k", lambda x: lax.top_k(x, 3), make=ties),
    row("top_k_int", lambda x: lax.top_k(x, 2), INTS, make=integers),
    row("top_k_all", lambda x: lax.top_k(x, 6)),
    row("searchsorted", lambda x: jnp.searchsorted(jnp.arange(-2.0, 6.0), jnp.round(x))),
    row("digitize", lambda x: jnp.digitize(x, jnp.array([-1.0, 0.0, 1.0])), VECTOR),
    row("partition", lambda x: jnp.partition(x, 2, axis=-1)[:, 2], X),
]

SCATTERS = [
    row("set_one", lambda x: x.at[:, 2].set(7.0)),
    row("set_row", lambda x: x.at[0].set(7.0)),
    row("set_slice", lambda x: x.at[:, 1:3].set(0.0)),
    row("set_traced", lambda x, i: x.at[:, i[0]].set(5.0), X, INDEX, make=indexed),
    row("set_rows", lambda x, i: x.at[i].set(1.0), FIXED, INDICES, make=indexed),
    row("add_rows", lambda x, i: x.at[i].add(1.0), FIXED, INDICES, make=inside),
    row("add_dropped", lambda x, i: x.at[i].add(1.0), FIXED, INDICES, make=indexed),
    row(
        "add_clipped",
        lambda x, i: x.at[i].add(1.0, mode="clip"),
        FIXED,
        INDICES,
        make=indexed,
    ),
    row("add_columns", lambda x, i: x.at[:, i].add(x[:, :3]), X, INDICES, make=inside),
    row("max_rows", lambda x, i: x.at[i].max(0.5), FIXED, INDICES, make=indexed),
    row("min_rows", lambda x, i: x.at[i].min(0.5), FIXED, INDICES, make=inside),
    row("multiply_rows", lambda x, i: x.at[i].multiply(3.0), FIXED, INDICES, make=inside),
    row("add_points", lambda x, i: x.at[i, i + 1].add(2.0), FIXED, INDICES, make=inside),
    row("set_points", lambda x, i: x.at[i[0], i[1]].set(2.0), FIXED, INDICES, make=inside),
    row("set_int", lambda x, i: x.at[:, i[0]].set(5), INTS, INDEX, make=inside),
    row("set_constant_index", lambda x: x.at[:, jnp.array([0, 3])].set(9.0)),
    row("set_batched", lambda x, i: jax.vmap(lambda a, k: a.at[k].set(1.0))(x, i[:, 0]), X, INTS),
    row("apply_square", lambda x: x.at[:, 1].multiply(x[:, 2])),
    row("histogram", lambda i: jnp.bincount(i, length=6), INDICES, make=inside),
    row("segment_sum", lambda x: jax.ops.segment_sum(x, np.arange(8) % 3, 3), VECTOR),
]

GATHERS = [
    row("take", lambda x, i: jnp.take(x, i - 2, axis=1), X, INDICES, make=inside),
    row("take_clip", lambda x, i: jnp.take(x, i, axis=1, mode="clip"), X, INDICES, make=inside),
    row("take_wrap", lambda x, i: jnp.take(x, i, axis=1, mode="wrap"), X, INDICES, make=indexed),
    row(
        "take_fill",
        lambda x, i: jnp.take(x, i, axis=1, mode="fill", fill_value=-1.0),
        X,
        INDICES,
        make=indexed,
    ),
    row("take_flat", jnp.take, FIXED, INDICES, make=inside),
    row("embedding", lambda i: jnp.asarray(TABLE)[i - 3], INTS, make=inside),
    row("embedding_clip", lambda i: jnp.take(TABLE, i, axis=0, mode="clip"), INTS, make=inside),
    row("index_traced", lambda x, i: x[:, i[0]], X, INDEX, make=indexed),
    row("index_row", lambda x, i: x[i[0]], FIXED, INDEX, make=indexed),
    row("index_middle", lambda x, i: x[:, i % 4], CUBE, INDICES, make=inside),
    row("index_last", lambda x, i: x[..., i], CUBE, INDICES, make=inside),
    row("index_two", lambda x, i: x[i % 4, i], FIXED, INDICES, make=inside),
    row("index_two_behind", lambda x, i: x[:, i % 4, i], CUBE, INDICES, make=inside),
    row(
        "index_around",
        lambda x, i: x.reshape(4, 2, 3)[i % 4, :, i % 3],
        FIXED,
        INDICES,
        make=inside,
    ),
    row("take_along_last", lambda x, i: jnp.take_along_axis(x, i, axis=1), X, INTS, make=inside),
    row("take_along_out", lambda x, i: jnp.take_along_axis(x, i - 2, axis=1), X, INTS, make=inside),
    row("take_along_middle", lambda x: jnp.take_along_axis(x, jnp.argsort(x, 1), 1), CUBE),
    row("take_along_first", lambda x: jnp.take_along_axis(x, jnp.argsort(x, 0), 0), FIXED),
    row(
        "dynamic_slice",
        lambda x, i: lax.dynamic_slice(x, (0, i[0]), (4, 2)),
        FIXED,
        INDEX,
        make=indexed,
    ),
    row(
        "dynamic_slice_row",
        lambda x, i: lax.dynamic_index_in_dim(x, i[0], 0, False),
        FIXED,
        INDEX,
        make=indexed,
    ),
    row(
        "dynamic_update_slice",
        lambda x, i: lax.dynamic_update_slice(x, jnp.ones((1, 2)), (i[0], i[0])),
        FIXED,
        INDEX,
        make=indexed,
    ),
    row(
        "vmap_slice",
        lambda x, i: jax.vmap(lambda a, k: lax.dynamic_slice(a, (k,), (2,)))(x, i[:, 0]),
        X,
        INTS,
        make=indexed,
    ),
    row("strided_batch", lambda x: x[::2, 1:3]),
    row("strided_both", lambda x: x[:, ::-2]),
    row("bool_mask", lambda x: x * (x > 0)),
    row("select", lambda x, y: jnp.select([x > 1, x > 0], [x, y], -x), X, Y),
    row("piecewise", lambda x: jnp.where(x < 0, -x, jnp.where(x > 1, 1, x))),
    row("where_first", lambda x: jnp.argmax(x > 0, -1)),
    row("diagonal", lambda x: jnp.diagonal(x[:, :4]), FIXED),
    row("diag", jnp.diag, VECTOR),
    row("tril", jnp.tril, FIXED),
    row("triu", lambda x: jnp.triu(x, 1), CUBE),
    row("one_hot", lambda i: jax.nn.one_hot(i, 6), INTS, make=indexed),
    row("one_hot_middle", lambda i: jax.nn.one_hot(i, 6, axis=1), INTS, make=indexed),
]

SHAPES = [
    row("pad_interior", lambda x: lax.pad(x, 0.0, ((0, 0, 0), (1, 2, 1)))),
    row("pad_interior_value", lambda x: lax.pad(x, 3.0, ((0, 0, 0), (0, 0, 2)))),
    row("pad_negative", lambda x: lax.pad(x, 0.0, ((0, 0, 0), (-1, 2, 0)))),
    row("pad_traced_value", lambda x: lax.pad(x, x[0, 0], ((0, 0, 0), (1, 1, 0)))),
    row("pad_wrap", lambda x: jnp.pad(x, ((0, 0), (2, 1)), mode="wrap")),
    row("pad_symmetric", lambda x: jnp.pad(x, ((0, 0), (2, 1)), mode="symmetric")),
    row("pad_mean", lambda x: jnp.pad(x, ((0, 0), (2, 1)), mode="mean")),
    row("pad_ramp", lambda x: jnp.pad(x, ((0, 0), (2, 1)), mode="linear_ramp")),
    row("pad_bool", lambda x: jnp.pad(x > 0, ((0, 0), (2, 1)))),
    row("roll_both", lambda x: jnp.roll(x, (1, 2), (0, 1)), FIXED),
    row("roll_traced", lambda x, i: jnp.roll(x, i[0], 1), X, INDEX, make=indexed),
    row("rot90", jnp.rot90, FIXED),
    row("flip_all", jnp.flip, FIXED),
    row("kron", lambda x: jnp.kron(x, jnp.ones((2, 1))), FIXED),
    row("vander", lambda x: jnp.vander(x, 3), VECTOR),
    row("linspace", lambda x: x + jnp.linspace(0.0, 1.0, 6)[None]),
    row("tile_batch", lambda x: jnp.tile(x, (2, 1))),
    row("repeat_batch", lambda x: jnp.repeat(x, 2, axis=0)),
    row("repeat_counts", lambda x: jnp.repeat(x, np.array([1, 2, 0, 1, 1, 1]), axis=1)),
    row("block", lambda x: jnp.block([[x, x], [x, x]]), FIXED),
    row("concatenate_batch", lambda x, y: jnp.concatenate([x, y], 0), X, Y),
    row("stack_last", lambda x, y: jnp.stack([x, y], -1), X, Y),
    row("dstack", lambda x, y: jnp.dstack([x, y]), X, Y),
    row("atleast_3d", jnp.atleast_3d),
    row("array_split", lambda x: jnp.array_split(x, 4, axis=1)),
    row(
        "depth_to_space", lambda x: x.reshape(-1, 3, 2, 4, 2, 3).transpose(0, 1, 3, 2, 4, 5), IMAGE
    ),
    row(
        "patches",
        lambda x: x.reshape(-1, 3, 2, 4, 2, 3).transpose(0, 1, 3, 2, 4, 5).reshape(-1, 12, 12),
        IMAGE,
    ),
    row("meshgrid", lambda x: jnp.stack(jnp.meshgrid(x, x)), VECTOR),
    row("unravel", lambda i: jnp.stack(jnp.unravel_index(i, (2, 3))), INTS, make=inside),
    row("iota_2d", lambda x: x + lax.broadcasted_iota(jnp.float32, (4, 6), 0), FIXED),
    row("squeeze_rank_0", lambda x: x[:1, :1].squeeze(), FIXED),
    row("expand_to_5", lambda x: x[:, None, None, :, None] * 2),
    row("transpose_5d", lambda x: x.reshape(-1, 3, 2, 4, 2, 3).transpose(0, 5, 4, 3, 2, 1), IMAGE),
    row("ravel", jnp.ravel, CUBE),
    row("bool_concatenate", lambda x: jnp.concatenate([x > 0, x > 1], -1)),
    row("bool_slice", lambda x: (x > 0)[:, 1:4]),
    row("bool_transpose", lambda x: (x > 0).T),
    row("bool_gather", lambda x: (x > 0)[:, jnp.array([0, 3, 1])]),
    row("bool_stack", lambda x, y: jnp.stack([x > 0, y > 0], 1), X, Y),
]

CALLS = [
    row("named_jit", jax.jit(lambda a: jnp.sin(a) + 1)),
    row("remat", jax.checkpoint(lambda a: jnp.sin(a) * a)),
    row("vmap", jax.vmap(lambda a: a @ a)),
    row("grad", jax.grad(lambda a: jnp.sum(jnp.tanh(a) ** 2))),
    row("jvp", lambda x: jax.jvp(jnp.sin, (x,), (jnp.ones_like(x),))[1]),
    row("custom_jvp", lambda x: jax.nn.relu(x) + jax.nn.silu(x)),
    row("pytree_result", lambda x: {"a": x + 1, "b": (x * 2, -x)}),
    row("unused_input", lambda x, y: x + 1, X, Y),
    row("constant_result", lambda x: (x, jnp.arange(3.0))),
    row("same_twice", lambda x: (x + 1, x + 1)),
    row("python_loop", lambda x: sum((x * k for k in range(4)), start=x)),
]


@pytest.mark.parametrize(("fn", "specs", "options"), [*SORTS, *SCATTERS, *GATHERS, *SHAPES, *CALLS])
def test_arrays(check: Any, fn: Any, specs: Any, options: Any) -> None:
    check(fn, *specs, **options)
