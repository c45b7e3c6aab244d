"""Permute: the axes behind the batch in another order."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from nnlib.core.errors import ArgumentError
from nnlib.core.layer import Layer
from nnlib.core.specs import InputSpec


class Permute(Layer):
    """`y = transpose(x, (0, *dims))`.

    Args:
        dims: the order of the axes behind the batch, counted from 1: `(2, 1)` swaps two.

    Input shape:
        (batch, ...), with as many axes behind the batch as `dims` has numbers.

    Output shape:
        (batch, ...), in that order.

    Raises:
        ShapeError: if the input has another number of axes.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.Permute((2, 1))(jnp.ones((2, 5, 3))).shape
    (2, 3, 5)
    """

    def __init__(self, dims: Any, **kwargs: Any):
        super().__init__(**kwargs)
        axes = tuple(dims) if isinstance(dims, tuple | list) else (dims,)
        numbers = all(isinstance(axis, int | np.integer) for axis in axes)
        if not numbers or sorted(axes) != list(range(1, len(axes) + 1)):
            raise ArgumentError(
                "Permute: expected dims to hold each number from 1 to the number of axes once, "
                f"got {dims!r}. The batch axis is not among them."
            )
        self.dims = tuple(map(int, axes))
        self.input_spec = InputSpec(ndim=len(axes) + 1)

    def call(self, x: jax.Array) -> jax.Array:
        return jnp.transpose(x, (0, *self.dims))
