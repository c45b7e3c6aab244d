"""BatchNormalization: channels of mean 0 and variance 1 over the batch."""

from typing import Any

import jax

from nnlib.core.errors import ShapeError
from nnlib.core.frame import current_frame
from nnlib.core.layer import Layer
from nnlib.core.specs import InputSpec
from nnlib.layers.checks import (
    axis_number,
    check_axis,
    float_input,
    fraction,
    known_size,
    place_of,
    positive_number,
)
from nnlib.layers.weight_arguments import keep_weight_arguments, weight_of
from nnlib.ops.normalization import batch_norm, moments


class BatchNormalization(Layer):
    r"""`y = gamma * (x - mean) / sqrt(variance + epsilon) + beta`, for each channel.

    While training, mean and variance are those of the batch, and the moving statistics follow them:
    `moving = momentum * moving + (1 - momentum) * batch`, with the biased variance. Otherwise, and
    whenever `layer.trainable` is False, the moving statistics are used and stay as they are.
    Statistics are kept and computed in float32 under mixed precision. Rows that only fill up the
    last batch of an epoch do not count.

    Args:
        axis: where the channels are.
        momentum: of the moving statistics, from 0 to 1.
        epsilon: added to the variance.
        center: whether beta is added.
        scale: whether gamma multiplies.
        beta_initializer: of beta, one number for each channel.
        gamma_initializer: of gamma.
        moving_mean_initializer: of the moving mean.
        moving_variance_initializer: of the moving variance.
        beta_regularizer: a penalty on beta.
        gamma_regularizer: a penalty on gamma.
        beta_constraint: a projection of beta after each update.
        gamma_constraint: a projection of gamma after each update.

    Input shape:
        Any with at least the axis of the channels.

    Output shape:
        The input's.

    Raises:
        ShapeError: if the number of axes or channels differs from what it was built for.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> layer = nn.layers.BatchNormalization(momentum=0.5, epsilon=1e-12)
    >>> layer(jnp.array([[1.0], [3.0]]), training=True).tolist()
    [[-1.0], [1.0]]
    >>> layer.moving_mean.tolist()
    [1.0]

    Source: Ioffe & Szegedy, ICML 2015.
    """

    gamma: jax.Array
    beta: jax.Array
    moving_mean: jax.Array
    moving_variance: jax.Array

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        own = "BatchNormalization"
        self.axis = axis_number(own, "axis", axis)
        self.momentum = fraction(own, "momentum", momentum)
        self.epsilon = positive_number(own, "epsilon", epsilon)
        self.center, self.scale = bool(center), bool(scale)
        keep_weight_arguments(self, "gamma", gamma_initializer, gamma_regularizer, gamma_constraint)
        keep_weight_arguments(self, "beta", beta_initializer, beta_regularizer, beta_constraint)
        keep_weight_arguments(self, "moving_mean", moving_mean_initializer)
        keep_weight_arguments(self, "moving_variance", moving_variance_initializer)

    def build(self, x: Any) -> None:
        axis = check_axis(self, self.axis, x.ndim)
        size = known_size(self, x, axis)
        self.input_spec = InputSpec(ndim=x.ndim, axes={axis: size})
        exact = {"autocast": False, "axes": ("out",)}
        if self.scale:
            self.gamma = weight_of(self, "gamma", (size,), **exact)
        if self.center:
            self.beta = weight_of(self, "beta", (size,), **exact)
        self.moving_mean = weight_of(self, "moving_mean", (size,), trainable=False, **exact)
        self.moving_variance = weight_of(self, "moving_variance", (size,), trainable=False, **exact)

    def call(self, x: jax.Array, training: bool = False) -> jax.Array:
        x = float_input(self, x)
        mean, variance = self.moving_mean, self.moving_variance
        if training and self.trainable:
            mean, variance = self._batch_statistics(x, mean, variance)
        return batch_norm(
            x,
            mean,
            variance,
            self.gamma if self.scale else None,
            self.beta if self.center else None,
            axis=self.axis,
            epsilon=self.epsilon,
        )

    def _batch_statistics(
        self, x: jax.Array, old_mean: jax.Array, old_variance: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        """Mean and variance of this batch; the moving ones follow."""
        axis, keep = self.axis % x.ndim, self.momentum
        axes = [a for a in range(x.ndim) if a != axis]
        mean, variance = moments(x, axes, self._row_mask(x) if axis else None)
        self.update(
            moving_mean=keep * old_mean + (1 - keep) * mean,
            moving_variance=keep * old_variance + (1 - keep) * variance,
        )
        return mean, variance

    def _row_mask(self, x: jax.Array) -> jax.Array | None:
        """(rows of x,) of 1 and 0, or None where every row counts."""
        frame = current_frame()
        mask = None if frame is None else frame.row_mask
        if mask is None or mask.shape[0] == x.shape[0]:
            return mask
        if x.shape[0] % mask.shape[0]:
            raise ShapeError(
                f"{place_of(self)}: expected a multiple of the {mask.shape[0]} rows of the batch "
                f"on axis 0, got shape {x.shape}. Choose a batch_size that divides the rows."
            )
        # A reshape has joined the batch with the axes behind it, as TimeDistributed does.
        return mask.repeat(x.shape[0] // mask.shape[0])
