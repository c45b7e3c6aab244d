"""Reshape: the same elements in another shape."""

import math
from typing import Any

import jax
import numpy as np

from nnlib.core.errors import ArgumentError, ShapeError
from nnlib.core.layer import Layer
from nnlib.core.specs import InputSpec, concrete_dims
from nnlib.layers.checks import place_of
from nnlib.ops.shaping import reshape


class Reshape(Layer):
    """Every axis but the batch in a new shape.

    Args:
        target_shape: the sizes behind the batch axis; one may be -1 for whatever is left.

    Input shape:
        (batch, ...).

    Output shape:
        (batch, *target_shape).

    Raises:
        ShapeError: if the number of elements does not fit.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.Reshape((-1, 4))(jnp.ones((2, 12))).shape
    (2, 3, 4)
    """

    def __init__(self, target_shape: Any, **kwargs: Any):
        super().__init__(**kwargs)
        sizes = (target_shape,) if isinstance(target_shape, int) else tuple(target_shape)
        allowed = all(isinstance(n, int | np.integer) and (n >= 1 or n == -1) for n in sizes)
        if not allowed or sizes.count(-1) > 1:
            raise ArgumentError(
                "Reshape: expected target_shape of integers above 0, at most one of them -1, "
                f"got {target_shape!r}."
            )
        self.target_shape = tuple(map(int, sizes))
        self.input_spec = InputSpec(min_ndim=1)

    def call(self, x: jax.Array) -> jax.Array:
        self._check_size(concrete_dims(x.shape))
        return reshape(x, self.target_shape)

    def _check_size(self, shape: tuple[int | None, ...]) -> None:
        known = [size for size in shape[1:] if size is not None]
        if len(known) < len(shape) - 1:
            return  # a free size: JAX decides once it is known
        have = math.prod(known)
        want = math.prod(size for size in self.target_shape if size != -1)
        fits = have % want == 0 if -1 in self.target_shape else have == want
        if not fits:
            raise ShapeError(
                f"{place_of(self)}: expected inputs of {want} elements for each row to make "
                f"{self.target_shape}{' (or a multiple)' if -1 in self.target_shape else ''}, "
                f"got shape {shape} with {have}."
            )
