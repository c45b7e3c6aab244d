"""UnitNormalization: vectors of length 1."""

from typing import Any

import jax

from nnlib.core.layer import Layer
from nnlib.layers.checks import axis_numbers, check_axis, float_input
from nnlib.ops.normalization import unit_norm


class UnitNormalization(Layer):
    r"""`y = x / |x|`, the Euclidean norm taken over `axis`; zeros stay zeros.

    Args:
        axis: one or more axes.

    Input shape:
        Any with these axes.

    Output shape:
        The input's.

    Raises:
        ShapeError: if the input has no such axis.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.UnitNormalization()(jnp.array([[0.0, 4.0]])).tolist()
    [[0.0, 1.0]]
    """

    supports_masking = True

    def __init__(self, axis: Any = -1, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis = axis_numbers("UnitNormalization", "axis", axis)

    def call(self, x: jax.Array) -> jax.Array:
        axes = tuple(check_axis(self, axis, x.ndim) for axis in self.axis)
        return unit_norm(float_input(self, x), axis=axes)
