"""GroupNormalization: statistics of each row, by groups of channels."""

from typing import Any

import jax

from nnlib.core.errors import ArgumentError, ShapeError
from nnlib.core.layer import Layer
from nnlib.core.specs import InputSpec
from nnlib.layers.checks import (
    axis_number,
    check_axis,
    float_input,
    known_size,
    place_of,
    positive_int,
    positive_number,
)
from nnlib.layers.weight_arguments import keep_weight_arguments, weight_of
from nnlib.ops.normalization import group_norm


class GroupNormalization(Layer):
    r"""`y = gamma * (x - mean) / sqrt(variance + epsilon) + beta`, by row and group of channels.

    Training and inference are the same; 16-bit floats are computed in float32.

    Args:
        groups: number of groups, divides the channels; 1 normalises whole rows, -1 each channel
            apart (instance normalisation).
        axis: where the channels are.
        epsilon: added to the variance.
        center: whether beta is added.
        scale: whether gamma multiplies.
        beta_initializer: of beta, one number for each channel.
        gamma_initializer: of gamma.
        beta_regularizer: a penalty on beta.
        gamma_regularizer: a penalty on gamma.
        beta_constraint: a projection of beta after each update.
        gamma_constraint: a projection of gamma after each update.

    Input shape:
        (batch, ...) with at least the axis of the channels.

    Output shape:
        The input's.

    Raises:
        ShapeError: if the groups do not divide the channels, or the number of axes or channels
            differs from what it was built for.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> layer = nn.layers.GroupNormalization(2, epsilon=1e-12)
    >>> layer(jnp.array([[1.0, 3.0, 10.0, 20.0]])).tolist()
    [[-1.0, 1.0, -1.0, 1.0]]

    Source: Wu & He, ECCV 2018.
    """

    supports_masking = True
    gamma: jax.Array | None
    beta: jax.Array | None

    def __init__(
        self,
        groups: int = 32,
        axis: int = -1,
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
        own = "GroupNormalization"
        self.groups = groups if groups == -1 else positive_int(own, "groups", groups)
        self.axis = axis_number(own, "axis", axis)
        if self.axis == 0:
            raise ArgumentError(f"{own}: expected an axis of channels, got 0, which is the batch.")
        self.epsilon = positive_number(own, "epsilon", epsilon)
        self.center, self.scale = bool(center), bool(scale)
        keep_weight_arguments(self, "gamma", gamma_initializer, gamma_regularizer, gamma_constraint)
        keep_weight_arguments(self, "beta", beta_initializer, beta_regularizer, beta_constraint)

    def build(self, x: Any) -> None:
        axis = check_axis(self, self.axis, x.ndim)
        size = known_size(self, x, axis)
        if axis == 0 or size % self.groups:
            raise ShapeError(
                f"{place_of(self)}: expected a number of channels that groups={self.groups} "
                f"divides, behind the batch axis, got shape {x.shape} and axis {self.axis}."
            )
        self.input_spec = InputSpec(ndim=x.ndim, axes={axis: size})
        gamma = weight_of(self, "gamma", (size,), autocast=False)
        beta = weight_of(self, "beta", (size,), autocast=False)
        self.gamma = gamma if self.scale else None
        self.beta = beta if self.center else None

    def call(self, x: jax.Array) -> jax.Array:
        y = group_norm(
            float_input(self, x),
            x.shape[self.axis] if self.groups == -1 else self.groups,
            self.gamma,
            self.beta,
            axis=self.axis,
            epsilon=self.epsilon,
        )
        return y.astype(self.compute_dtype)
