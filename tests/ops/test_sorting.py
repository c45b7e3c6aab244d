"""Sorted values and medians are those of jax.numpy, and so are their gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nnlib.ops.sorting import median, sort

X = np.random.default_rng(0).normal(size=(3, 4, 5)).astype("float32")


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_sort(axis):
    def total(function):
        return lambda x: (function(x, axis) * X).sum()

    np.testing.assert_array_equal(sort(X, axis), jnp.sort(X, axis))
    np.testing.assert_array_equal(jax.grad(total(sort))(X), jax.grad(total(jnp.sort))(X))


@pytest.mark.parametrize("axis", [None, 1, [0, -1], (1, 2)])
@pytest.mark.parametrize("keepdims", [False, True])
def test_median(axis, keepdims):
    holed = X.copy()
    holed[0, 0, 0] = np.nan
    for x in (X, holed, X.astype("float16"), np.arange(60).reshape(X.shape)):
        own = tuple(axis) if isinstance(axis, list) else axis
        found, wanted = (
            median(jnp.asarray(x), axis, keepdims),
            jnp.median(x, own, keepdims=keepdims),
        )
        assert found.dtype == wanted.dtype
        np.testing.assert_array_equal(found, wanted)
