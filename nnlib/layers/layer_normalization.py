"""LayerNormalization: each row of mean 0 and variance 1."""

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
from nnlib.layers.weight_arguments import keep_weight_arguments, weight_of
from nnlib.ops.normalization import layer_norm


class LayerNormalization(Layer):
    r"""`y = gamma * (x - mean) / sqrt(variance + epsilon) + beta`, statistics taken over `axis`.

    Training and inference are the same; 16-bit floats are computed in float32.

    Args:
        axis: one or more axes to normalise over.
        epsilon: added to the variance.
        center: whether beta is added.
        scale: whether gamma multiplies.
        beta_initializer: of beta, of the sizes of `axis`.
        gamma_initializer: of gamma, likewise.
        beta_regularizer: a penalty on beta.
        gamma_regularizer: a penalty on gamma.
        beta_constraint: a projection of beta after each update.
        gamma_constraint: a projection of gamma after each update.

    Input shape:
        Any with these axes.

    Output shape:
        The input's.

    Raises:
        ShapeError: if the sizes of these axes differ from what it was built for.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.LayerNormalization(epsilon=1e-12)(jnp.array([[1.0, 3.0]])).tolist()
    [[-1.0, 1.0]]

    Source: Ba et al., "Layer normalization", 2016.
    """

    gamma: jax.Array | None
    beta: jax.Array | None

    supports_masking = True

    def __init__(
        self,
        axis: Any = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Any,
    ):
        # 16-bit rounding comes last: a float32 input may be larger than such floats can be.
        super().__init__(**{"autocast": False} | kwargs)
        own = "LayerNormalization"
        self.axis = axis_numbers(own, "axis", axis)
        self.epsilon = positive_number(own, "epsilon", epsilon)
        self.center, self.scale = bool(center), bool(scale)
        keep_weight_arguments(self, "gamma", gamma_initializer, gamma_regularizer, gamma_constraint)
        keep_weight_arguments(self, "beta", beta_initializer, beta_regularizer, beta_constraint)

    def build(self, x: Any) -> None:
        axes = sorted(check_axis(self, axis, x.ndim) for axis in self.axis)
        shape = tuple(known_size(self, x, axis) for axis in axes)
        self.input_spec = spec_of_axes(self, x, self.axis)
        gamma = weight_of(self, "gamma", shape, autocast=False)
        beta = weight_of(self, "beta", shape, autocast=False)
        self.gamma = gamma if self.scale else None
        self.beta = beta if self.center else None

    def call(self, x: jax.Array) -> jax.Array:
        x = float_input(self, x)
        y = layer_norm(x, self.gamma, self.beta, axis=self.axis, epsilon=self.epsilon)
        return y.astype(self.compute_dtype)
