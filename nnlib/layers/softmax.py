"""Softmax: scores become probabilities."""

from typing import Any

import jax
import jax.numpy as jnp

from nnlib.activations import softmax
from nnlib.core.layer import Layer
from nnlib.layers.checks import axis_number, check_axis


class Softmax(Layer):
    """`exp(x) / sum(exp(x))` along `axis`.

    Args:
        axis: one axis, or a tuple of them.

    Call arguments:
        mask: True where an element counts, of x's shape; others get a probability of 0.

    Input shape:
        Any.

    Output shape:
        The input's.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.Softmax()(jnp.zeros((1, 4))).tolist()
    [[0.25, 0.25, 0.25, 0.25]]
    """

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
        # Far below any score, but finite: a row without any True stays free of NaN.
        lowest = -3e4 if x.dtype == jnp.float16 else -1e9
        return jnp.where(mask, softmax(jnp.where(mask, x, lowest), self.axis), 0)
