"""BatchNormalization: channels of mean 0 and variance 1 over the batch."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from nnlib.core.arguments import pure_initializer
from nnlib.core.errors import ArgumentError, ShapeError
from nnlib.core.frame import current_frame
from nnlib.core.layer import Layer
from nnlib.core.scope import replicas_of_step
from nnlib.core.specs import InputSpec, concrete_dims
from nnlib.layers.checks import (
    axis_number,
    check_axis,
    float_input,
    fraction,
    known_size,
    number,
    place_of,
    positive_number,
)
from nnlib.layers.replica_moments import replica_moments
from nnlib.layers.weight_arguments import keep_weight_arguments, weight_of
from nnlib.ops.normalization import batch_norm, moments
from nnlib.ops.shaping import along_axis


class BatchNormalization(Layer):
    r"""`y = gamma * (x - mean) / sqrt(variance + epsilon) + beta`, for each channel.

    While training, mean and variance are those of the batch, and the moving statistics follow them:
    `moving = momentum * moving + (1 - momentum) * batch`, with the biased variance. Otherwise, and
    whenever `layer.trainable` is False, the moving statistics are used and stay as they are.
    Statistics are kept and computed in float32 under mixed precision. Steps that are masked, and
    rows that only fill up the last batch of an epoch, do not count.

    With `renorm`, training is corrected towards slow statistics of their own (`renorm_mean`,
    `renorm_stddev`): `y = gamma * (r * (x - mean) / sqrt(variance + epsilon) + d) + beta` with
    `r = stddev / renorm_stddev` and `d = (mean - renorm_mean) / renorm_stddev` held constant.

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
        renorm: whether batches are corrected (batch renormalisation).
        renorm_clipping: bounds `{"rmin": ..., "rmax": ..., "dmax": ...}` of r and |d|, each of
            which may be left out; None for no bounds.
        renorm_momentum: of the slow statistics, from 0 to 1.
        synchronized: whether a batch that a strategy of `nnlib.distributed` spreads over replicas
            has one mean and variance, that of the whole batch. Otherwise each replica normalises
            its own rows, and the moving statistics follow the mean over the replicas.

    Call arguments:
        mask: True where a step counts, of the input's shape without its last axis.

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

    Source: Ioffe & Szegedy, ICML 2015; Ioffe, "Batch renormalization", NeurIPS 2017.
    """

    gamma: jax.Array | None
    beta: jax.Array | None
    moving_mean: jax.Array
    moving_variance: jax.Array
    moving_stddev: jax.Array
    renorm_mean: jax.Array
    renorm_stddev: jax.Array

    supports_masking = True

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
        renorm: bool = False,
        renorm_clipping: Any = None,
        renorm_momentum: float = 0.99,
        synchronized: bool = False,
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
        self.renorm, self.synchronized = bool(renorm), bool(synchronized)
        self.renorm_clipping = checked_clipping(renorm_clipping) if renorm else None
        self.renorm_momentum = fraction(own, "renorm_momentum", renorm_momentum)

    def build(self, x: Any) -> None:
        axis = check_axis(self, self.axis, x.ndim)
        size = known_size(self, x, axis)
        self.input_spec = InputSpec(ndim=x.ndim, axes={axis: size})
        exact: dict[str, Any] = {"autocast": False, "axes": ("out",)}
        gamma = weight_of(self, "gamma", (size,), **exact)
        beta = weight_of(self, "beta", (size,), **exact)
        self.gamma = gamma if self.scale else None
        self.beta = beta if self.center else None
        exact["trainable"] = False
        self.moving_mean = weight_of(self, "moving_mean", (size,), **exact)
        self.moving_variance = weight_of(self, "moving_variance", (size,), **exact)
        if self.renorm:
            root = root_of(self.moving_variance_initializer)
            self.moving_stddev = self.add_weight((size,), root, **exact)
            self.renorm_mean = self.add_weight((size,), self.moving_mean_initializer, **exact)
            self.renorm_stddev = self.add_weight((size,), root, **exact)

    def call(
        self, x: jax.Array, training: bool = False, mask: jax.Array | None = None
    ) -> jax.Array:
        x = float_input(self, x)
        if not (training and self.trainable):
            statistics = self.moving_mean, self.moving_variance
            return batch_norm(
                x, *statistics, self.gamma, self.beta, axis=self.axis, epsilon=self.epsilon
            )
        counts = self._counts(x, mask)
        replicas = 1 if self.synchronized or self.axis % x.ndim == 0 else replicas_of_step()
        if replicas == 1:
            y, mean, variance = self._by_own_statistics(x, counts)
        else:
            y, mean, variance = by_replica(self._by_own_statistics, x, counts, replicas)
        self._follow(mean, variance)
        return y

    def _by_own_statistics(
        self, x: jax.Array, counts: jax.Array | None
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        """The input normalised by its own mean and variance, and these."""
        axis = self.axis % x.ndim
        take = replica_moments if self.synchronized else moments
        mean, variance = take(x, [a for a in range(x.ndim) if a != axis], counts)
        gamma, beta = self.gamma, self.beta
        if self.renorm:
            gamma, beta = self._corrected(mean, variance, gamma, beta)
        y = batch_norm(x, mean, variance, gamma, beta, axis=self.axis, epsilon=self.epsilon)
        return y, mean, variance

    def _counts(self, x: jax.Array, mask: jax.Array | None) -> jax.Array | None:
        """0 or False where an element of x must not count; None where all of them do."""
        counts = self._row_mask(x) if self.axis % x.ndim else None
        if mask is None:
            return counts
        mask = self._fitting(mask, x)
        return mask if counts is None else mask & along_axis(counts > 0, x.ndim, 0)

    def _follow(self, mean: jax.Array, variance: jax.Array) -> None:
        """Let the moving statistics come closer to those of this batch."""
        keep = self.momentum
        means = keep * self.moving_mean + (1 - keep) * mean
        if not self.renorm:
            variances = keep * self.moving_variance + (1 - keep) * variance
            self.update(moving_mean=means, moving_variance=variances)
            return
        slow, stddev = self.renorm_momentum, jnp.sqrt(variance + self.epsilon)
        stddevs = keep * self.moving_stddev + (1 - keep) * stddev
        self.update(
            moving_mean=means,
            moving_stddev=stddevs,
            moving_variance=jnp.maximum(jnp.square(stddevs) - self.epsilon, 0),
            renorm_mean=slow * self.renorm_mean + (1 - slow) * mean,
            renorm_stddev=slow * self.renorm_stddev + (1 - slow) * stddev,
        )

    def _corrected(
        self,
        mean: jax.Array,
        variance: jax.Array,
        gamma: jax.Array | None,
        beta: jax.Array | None,
    ) -> tuple[jax.Array, jax.Array]:
        """Gamma and beta that undo the difference between this batch and the slow statistics."""
        bounds = self.renorm_clipping or {}
        stddev = jnp.maximum(self.renorm_stddev, math.sqrt(self.epsilon))
        r = jnp.sqrt(variance + self.epsilon) / stddev
        d = (mean - self.renorm_mean) / stddev
        r = jax.lax.stop_gradient(jnp.clip(r, bounds.get("rmin"), bounds.get("rmax")))
        limit = bounds.get("dmax")
        d = jax.lax.stop_gradient(d if limit is None else jnp.clip(d, -limit, limit))
        scale, shift = (r, d) if gamma is None else (r * gamma, d * gamma)
        return scale, shift if beta is None else shift + beta

    def _fitting(self, mask: jax.Array, x: jax.Array) -> jax.Array:
        """The mask with x's number of axes."""
        if mask.ndim != x.ndim - 1:
            raise ShapeError(
                f"{place_of(self)}: expected a mask of one axis less than the input, got shape "
                f"{concrete_dims(mask.shape)} for inputs of shape {concrete_dims(x.shape)}."
            )
        return jnp.expand_dims(mask.astype(bool), -1)

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


def by_replica(
    function: Callable[[jax.Array, jax.Array], tuple[jax.Array, jax.Array, jax.Array]],
    x: jax.Array,
    counts: jax.Array | None,
    replicas: int,
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """`function` of each replica's rows: its first results one behind the other, means of the rest.

    A replica that has no row that counts adds nothing to the means.
    """
    rows = x.shape[0]
    counts = jnp.ones(rows) if counts is None else counts
    parts, part_counts = (_in_parts(a, replicas) for a in (x, counts))
    y, *statistics = jax.vmap(function)(parts, part_counts)
    busy = jnp.any(part_counts > 0, range(1, part_counts.ndim)).astype(jnp.float32)
    mean, variance = (busy @ s / jnp.maximum(busy.sum(), 1) for s in statistics)
    return y.reshape(-1, *y.shape[2:])[:rows], mean, variance


def _in_parts(array: jax.Array, replicas: int) -> jax.Array:
    """(replicas, rows of each, ...), with zeros behind the last row."""
    missing = -array.shape[0] % replicas
    full = jnp.pad(array, [(0, missing)] + [(0, 0)] * (array.ndim - 1))
    return full.reshape(replicas, -1, *array.shape[1:])


def checked_clipping(value: Any) -> dict[str, float]:
    """The bounds of batch renormalisation by name."""
    names = ("rmin", "rmax", "dmax")
    if value is not None and (not isinstance(value, Mapping) or set(value) - set(names)):
        raise ArgumentError(
            f"BatchNormalization: expected renorm_clipping to have keys among {names}, "
            f"got {value!r}."
        )
    bounds = {
        name: number("BatchNormalization", f"renorm_clipping[{name!r}]", bound, least=0)
        for name, bound in (value or {}).items()
        if bound is not None
    }
    if bounds.get("rmax", math.inf) < bounds.get("rmin", 0):
        raise ArgumentError(
            f"BatchNormalization: expected rmax of at least rmin in renorm_clipping, got {value!r}."
        )
    return bounds


def root_of(initializer: Any) -> Callable[[Any, tuple[int, ...], Any], jax.Array]:
    """An initializer of standard deviations, from one of variances."""
    sample = pure_initializer(initializer)
    return lambda key, shape, dtype: jnp.sqrt(sample(key, shape, dtype))
