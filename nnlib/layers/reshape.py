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
        target_shape: the sizes behind the batch axis; one may be -1 (or None) for whatever is left.

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
        self.target_shape = _checked_sizes(target_shape)
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
        free = -1 in self.target_shape
        fits = have % want == 0 if free else have == want
        if not fits:
            raise ShapeError(
                f"{place_of(self)}: expected inputs of {want} elements for each row to make "
                f"{self.target_shape}{' (or a multiple)' if free else ''}, "
                f"got shape {shape} with {have}."
            )


def _checked_sizes(value: Any) -> tuple[int, ...]:
    """Sizes of at least 0, at most one of them -1 (which also stands for None)."""
    given = tuple(value) if isinstance(value, tuple | list) else (value,)
    sizes = [-1 if size is None else size for size in given]
    allowed = all(
        isinstance(n, int | np.integer) and not isinstance(n, bool) and n >= -1 for n in sizes
    )
    if not allowed or sizes.count(-1) > 1:
        raise ArgumentError(
            "Reshape: expected target_shape of integers of at least 0, at most one of them -1, "
            f"got {value!r}."
        )
    if -1 in sizes and 0 in sizes:
        raise ArgumentError(f"Reshape: expected no -1 beside a size of 0, got {value!r}.")
    return tuple(map(int, sizes))
