"""Softmax: scores become probabilities."""

from typing import Any

import jax
import jax.numpy as jnp

from nnlib.activations import softmax
from nnlib.core.errors import ShapeError
from nnlib.core.layer import Layer
from nnlib.core.specs import concrete_dims
from nnlib.layers.checks import axis_number, check_axis, place_of


class Softmax(Layer):
    """`exp(x) / sum(exp(x))` along `axis`.

    Args:
        axis: one axis, or a tuple of them.

    Call arguments:
        mask: True where an element counts, broadcast to x; others get a probability of 0.

    Input shape:
        Any.

    Output shape:
        The input's.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.Softmax()(jnp.zeros((1, 4))).tolist()
    [[0.25, 0.25, 0.25, 0.25]]
    """

    supports_masking = True

    def __init__(self, axis: Any = -1, **kwargs: Any):
        super().__init__(**kwargs)
        many = isinstance(axis, tuple | list)
        self.axis = (
            tuple(axis_number("Softmax", "axis", a) for a in axis)
            if many
            else axis_number("Softmax", "axis", axis)
        )

    def call(self, x: jax.Array, mask: jax.Array | None = None) -> jax.Array:
        for axis in self.axis if isinstance(self.axis, tuple) else (self.axis,):
            check_axis(self, axis, x.ndim)
        if mask is None:
            return softmax(x, self.axis)
        mask = self._fitting(mask, x)
        # Far below any score, but finite: a row without any True stays free of NaN.
        lowest = -3e4 if x.dtype == jnp.float16 else -1e9
        return jnp.where(mask, softmax(jnp.where(mask, x, lowest), self.axis), 0)

    def _fitting(self, mask: jax.Array, x: jax.Array) -> jax.Array:
        """The mask as booleans of x's rank; numbers above 0.5 are True."""
        pairs = zip(reversed(mask.shape), reversed(x.shape), strict=False)
        if mask.ndim > x.ndim or any(m not in (1, n) for m, n in pairs):
            raise ShapeError(
                f"{place_of(self)}: expected a mask that broadcasts to inputs of shape "
                f"{concrete_dims(x.shape)}, got one of shape {concrete_dims(mask.shape)}. "
                "It says which elements count, not which steps."
            )
        mask = jnp.expand_dims(mask, tuple(range(x.ndim - mask.ndim)))
        return mask if mask.dtype == bool else mask > 0.5
