"""One-hot rows: shapes and dtypes as Keras, errors for labels that are no classes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nnlib.core.errors import ArgumentError, DataError, DTypeError
from nnlib.utils import to_categorical


@pytest.mark.parametrize(
    ("labels", "count"),
    [
        ([0, 2, 1], None),
        ([0, 2, 1], 5),
        ([[0, 2], [1, 1]], None),
        ([[0], [2]], None),
        ([0.0, 2.0], None),
        (np.array([0, 255], "uint8"), None),
        (1, 3),
        (np.array([True, False]), None),
        ([], 3),
    ],
)
def test_same_as_keras(keras, labels, count):
    expected = keras.utils.to_categorical(np.asarray(labels, "int64"), count)
    ours = to_categorical(labels, count)
    assert isinstance(ours, np.ndarray)
    assert ours.dtype == np.float32
    np.testing.assert_array_equal(ours, expected)
    from_jax = to_categorical(jnp.asarray(labels), count)
    assert isinstance(from_jax, jax.Array)
    np.testing.assert_array_equal(from_jax, expected)


def test_inside_of_jit():
    got = jax.jit(lambda x: to_categorical(x, 3))(jnp.array([[2], [0]]))
    assert got.tolist() == [[0, 0, 1], [1, 0, 0]]
    with pytest.raises(ArgumentError, match="Pass num_classes"):
        jax.jit(to_categorical)(jnp.array([2]))


@pytest.mark.parametrize(
    ("labels", "count", "error", "text"),
    [
        ([0, 3], 3, DataError, "labels from 0 to 2, got 3"),
        ([-1, 0], None, DataError, "got -1"),
        ([0.5], None, DataError, "whole numbers, got 0.5"),
        ([np.nan], None, DataError, "whole numbers, got nan"),
        (["a"], None, DTypeError, "dtype <U1"),
        ([], None, ArgumentError, "num_classes for an empty array"),
        ([0], 0, ArgumentError, "above 0, got 0"),
        ([0], 2.0, ArgumentError, "got 2.0"),
    ],
)
def test_errors(labels, count, error, text):
    with pytest.raises(error, match=text):
        to_categorical(labels, count)
