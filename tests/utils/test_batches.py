"""Packing of batches, and normalize."""

import jax.numpy as jnp
import numpy as np
import pytest

import nnlib as nn


@pytest.mark.parametrize(
    ("parts", "packed"),
    [
        ((1,), 1),
        (((1, 2),), ((1, 2),)),
        (([1, 2],), ([1, 2],)),
        ((1, 2), (1, 2)),
        ((1, 2, 3), (1, 2, 3)),
        (({"a": 1}, 2), ({"a": 1}, 2)),
    ],
)
def test_packing_and_unpacking(parts, packed):
    assert nn.utils.pack_x_y_sample_weight(*parts) == packed
    assert nn.utils.unpack_x_y_sample_weight(packed) == (*parts, None, None)[:3]
    if isinstance(packed, tuple):
        assert nn.utils.unpack_x_y_sample_weight(list(packed)) == (*parts, None, None)[:3]


@pytest.mark.parametrize("wrong", [(), (1, 2, 3, 4)])
def test_other_numbers_of_parts_are_refused(wrong):
    with pytest.raises(ValueError, match=f"got {len(wrong)} parts"):
        nn.utils.unpack_x_y_sample_weight(wrong)


@pytest.mark.parametrize("kind", [np.asarray, jnp.asarray])
@pytest.mark.parametrize(("axis", "order"), [(-1, 2), (0, 2), (1, 1), (0, np.inf)])
def test_norms_are_one_afterwards(kind, axis, order):
    x = kind(np.array([[3.0, -4.0, 0.0], [1.0, 2.0, 0.0]], "float32"))
    out = nn.utils.normalize(x, axis, order)
    assert type(out) is type(x)
    norms = np.linalg.norm(np.asarray(out), order, axis)
    zero = np.linalg.norm(np.asarray(x), order, axis) == 0
    assert np.allclose(norms, np.where(zero, 0, 1))
    assert np.allclose(np.sign(out), np.sign(x))
