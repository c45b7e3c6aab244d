"""RMSNormalization: each row of mean square 1."""

from typing import Any

import jax

from nnlib.core.layer import Layer
from nnlib.layers.checks import (
    axis_numbers,
    check_axis,
    float_input,
    known_size,
    positive_number,
    spec_of_axes,
)
from nnlib.ops.normalization import rms_norm


class RMSNormalization(Layer):
    r"""`y = scale * x / sqrt(mean(x^2) + epsilon)`, the mean taken over `axis`.

    Training and inference are the same; 16-bit floats are computed in float32.

    Args:
        axis: one or more axes to normalise over; scale has their sizes.
        epsilon: added to the mean square.

    Input shape:
        Any with these axes.

    Output shape:
        The input's.

    Raises:
        ShapeError: if the sizes of these axes differ from what it was built for.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.RMSNormalization(epsilon=1e-12)(jnp.array([[3.0, 3.0]])).tolist()
    [[1.0, 1.0]]

    Source: Zhang & Sennrich, NeurIPS 2019.
    """

    scale: jax.Array

    def __init__(self, axis: Any = -1, epsilon: float = 1e-6, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis = axis_numbers("RMSNormalization", "axis", axis)
        self.epsilon = positive_number("RMSNormalization", "epsilon", epsilon)

    def build(self, x: Any) -> None:
        axes = sorted(check_axis(self, axis, x.ndim) for axis in self.axis)
        shape = tuple(known_size(self, x, axis) for axis in axes)
        self.input_spec = spec_of_axes(self, x, self.axis)
        self.scale = self.add_weight(shape, "ones", autocast=False)

    def call(self, x: jax.Array) -> jax.Array:
        return rms_norm(float_input(self, x), self.scale, axis=self.axis, epsilon=self.epsilon)
