"""Draws outside of traces are those that JAX makes, whatever way they are made."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nnlib import initializers
from nnlib.initializers import draws

SHAPES = [(), (1,), (7, 3), (3, 3, 16, 40), (0, 4), (1024,), (1025,)]
KEY = jax.random.key(3)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_draw_is_the_one_of_jax(shape):
    flat = draws.uniform(KEY, shape, "float32", -0.5, 2.0)
    np.testing.assert_array_equal(flat, jax.random.uniform(KEY, shape, "float32", -0.5, 2.0))
    wanted = 1 + 3 * jax.random.normal(KEY, shape, "float32")
    np.testing.assert_allclose(draws.normal(KEY, shape, "float32", 1.0, 3.0), wanted, 1e-5, 1e-5)
    cut = 0.1 * jax.random.truncated_normal(KEY, -2, 2, shape, "float32")
    found = draws.truncated_normal(KEY, shape, "float32", 0.0, 0.1)
    np.testing.assert_allclose(found, cut, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_draws_within_a_trace_are_the_same(dtype):
    for name in ("he_normal", "glorot_uniform", "lecun_normal", "orthogonal"):
        initializer = initializers.get(name)
        eager = initializer.sample(KEY, (5, 3), dtype)
        traced = jax.jit(lambda key, i=initializer: i.sample(key, (5, 3), dtype))(KEY)
        assert eager.dtype == traced.dtype == jnp.dtype(dtype)
        tolerance = {"float16": 2e-3, "bfloat16": 2e-2, "float32": 1e-5}[dtype]
        np.testing.assert_allclose(eager, traced, rtol=tolerance, atol=tolerance)


def test_shapes_of_one_size_class_share_a_compilation(monkeypatch):
    traced = []

    def uniform(key, shape, *args):
        traced.append(shape)
        return jax.random.uniform(key, shape, *args)

    draws._flat.clear_cache()
    monkeypatch.setitem(draws._KINDS, "uniform", uniform)
    for shape in ((100,), (30, 30), (3, 3, 8, 8), (1,)):
        draws.uniform(KEY, shape, "float32", 0.0, 1.0)
    assert len(traced) == 1


def test_without_partitionable_keys_jax_draws_itself():
    with jax.threefry_partitionable(False):
        found = draws.uniform(KEY, (7, 3), "float32", 0.0, 1.0)
        np.testing.assert_array_equal(found, jax.random.uniform(KEY, (7, 3)))


def test_keys_of_another_kind_draw_themselves():
    key = jax.random.key(3, impl="rbg")
    found = draws.uniform(key, (7, 3), "float32", 0.0, 1.0)
    np.testing.assert_array_equal(found, jax.random.uniform(key, (7, 3)))
