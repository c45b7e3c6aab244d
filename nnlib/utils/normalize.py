"""Arrays divided by their norm."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def normalize(x: Any, axis: int = -1, order: Any = 2) -> Any:
    """`x / norm(x)` along an axis; rows of norm 0 stay as they are.

    Args:
        x: an array.
        axis: to take the norm along.
        order: of the norm: 2 for the Euclidean one, 1 for the sum of magnitudes, `inf` for the
            largest, and so on as in `numpy.linalg.norm`.

    Returns:
        An array of the same shape; a jax array for a jax array, else a numpy array.

    >>> import numpy as np, nnlib as nn
    >>> nn.utils.normalize(np.array([[3.0, 4.0], [0.0, 0.0]]))
    array([[0.6, 0.8],
           [0. , 0. ]])
    """
    if isinstance(x, jax.Array):
        norm = jnp.linalg.norm(x, order, axis, keepdims=True)
        return x / jnp.where(norm == 0, 1, norm).astype(norm.dtype)
    array = np.asarray(x)
    norms = np.linalg.norm(array, order, axis, keepdims=True)
    return array / np.where(norms == 0, 1, norms)
