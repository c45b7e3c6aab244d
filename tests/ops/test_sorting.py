"""Sorted values and medians are those of jax.numpy, and so are their gradients."""

import functools

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


def test_gradients_of_medians():
    """Of an even and an odd count of values, some of which are equal."""
    tied = np.round(X)
    for axis in (1, 2, None):
        found, wanted = (
            jax.grad(lambda x, f=f, axis=axis: jnp.square(f(x, axis)).sum())(jnp.asarray(tied))
            for f in (median, jnp.median)
        )
        np.testing.assert_allclose(found, wanted, atol=1e-6)


@pytest.mark.parametrize("shape", [(0, 4), (3, 0)])
@pytest.mark.parametrize("axis", [0, 1, None])
def test_medians_of_nothing(shape, axis):
    found = median(jnp.zeros(shape), axis)
    np.testing.assert_array_equal(found, np.full(np.zeros(shape).sum(axis).shape, np.nan))


@pytest.mark.parametrize("axis", [5, -4, (0, 0), (1, -2)])
def test_axes_that_medians_refuse(axis):
    with pytest.raises(ValueError, match="median: expected different axes"):
        median(jnp.asarray(X), axis)
    with pytest.raises(ValueError, match="real numbers"):
        median(X.astype("complex64"))


@pytest.mark.parametrize("axis", [1, (0, 2)])
def test_medians_of_shapes_that_are_not_known(axis):
    rows, columns = jax.export.symbolic_shape("rows, columns")
    spec = jax.ShapeDtypeStruct((rows, 4, columns), "float32")
    compiled = jax.export.export(jax.jit(functools.partial(median, axis=axis)))(spec)
    np.testing.assert_array_equal(compiled.call(X), np.median(X, axis))
