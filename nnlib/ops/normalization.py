"""Statistics, and normalising with them. 16-bit floats are computed in float32."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from nnlib.ops.shaping import along_axis


def moments(
    x: jax.Array, axes: Sequence[int], where: jax.Array | None = None
) -> tuple[jax.Array, jax.Array]:
    """Mean and biased variance over `axes`, computed in at least float32.

    Args:
        x: any shape.
        axes: what is averaged over.
        where: broadcast against x from the front, so (batch,) stands for rows: 0 or False for
            elements that must not count. Where none counts, both results are 0.

    Returns:
        Two arrays of x's shape without `axes`.

    >>> import jax.numpy as jnp
    >>> [float(v) for v in moments(jnp.array([1.0, 3.0, 99.0]), (0,), jnp.array([1, 1, 0]))]
    [2.0, 1.0]
    """
    x = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    axes = tuple(axes)
    if where is None:
        mean = jnp.mean(x, axes, keepdims=True)
        variance = jnp.mean(jnp.square(x - mean), axes)
        return jnp.squeeze(mean, axes), variance
    counts = jnp.expand_dims(where > 0, tuple(range(where.ndim, x.ndim)))
    number = jnp.sum(counts, axes, keepdims=True).astype(x.dtype)
    for axis in axes:  # an axis of size 1 in `where` stands for all elements along it
        if counts.shape[axis] == 1:
            number = number * x.shape[axis]
    number = jnp.maximum(number, 1)
    mean = jnp.sum(jnp.where(counts, x, 0), axes, keepdims=True) / number
    squares = jnp.where(counts, jnp.square(x - mean), 0)
    variance = jnp.sum(squares, axes, keepdims=True) / number
    return jnp.squeeze(mean, axes), jnp.squeeze(variance, axes)


def batch_norm(
    x: jax.Array,
    mean: jax.Array,
    variance: jax.Array,
    gamma: jax.Array | None = None,
    beta: jax.Array | None = None,
    *,
    axis: int = -1,
    epsilon: float = 1e-3,
) -> jax.Array:
    r"""`y = gamma * (x - mean) / sqrt(variance + epsilon) + beta` with statistics that are given.

    Args:
        x: any shape with n channels along `axis`.
        mean: (n,).
        variance: (n,).
        gamma: (n,) or None for 1.
        beta: (n,) or None for 0.
        axis: where the channels are.
        epsilon: added to the variance.

    Returns:
        x's shape and float dtype.

    >>> import jax.numpy as jnp
    >>> batch_norm(jnp.array([[3.0]]), jnp.ones(1), jnp.ones(1), epsilon=0.0).tolist()
    [[2.0]]

    Source: Ioffe & Szegedy, ICML 2015.
    """
    wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    scale = jax.lax.rsqrt(variance + epsilon)
    if gamma is not None:
        scale = scale * gamma
    # One product and one sum for each element: the rest is of the size of the channels.
    shift = -mean * scale if beta is None else beta - mean * scale
    y = wide * along_axis(scale, x.ndim, axis) + along_axis(shift, x.ndim, axis)
    return _in_float_dtype_of(x, y)


def layer_norm(
    x: jax.Array,
    gamma: jax.Array | None = None,
    beta: jax.Array | None = None,
    *,
    axis: int | Sequence[int] = -1,
    epsilon: float = 1e-3,
) -> jax.Array:
    r"""`y = gamma * (x - mean) / sqrt(variance + epsilon) + beta`, statistics taken over `axis`.

    Args:
        x: any shape.
        gamma: the sizes of `axis`, or None for 1.
        beta: the sizes of `axis`, or None for 0.
        axis: one or more axes.
        epsilon: added to the variance.

    Returns:
        x's shape and float dtype.

    >>> import jax.numpy as jnp
    >>> layer_norm(jnp.array([[1.0, 3.0]]), epsilon=0.0).tolist()
    [[-1.0, 1.0]]

    Source: Ba et al., "Layer normalization", 2016.
    """
    axes = sorted(a % x.ndim for a in ((axis,) if isinstance(axis, int) else axis))
    others = [a for a in range(x.ndim) if a not in axes]
    wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    mean, variance = (jnp.expand_dims(m, axes) for m in moments(wide, axes))
    y = (wide - mean) * jax.lax.rsqrt(variance + epsilon)
    if gamma is not None:
        y = y * jnp.expand_dims(gamma, others)
    if beta is not None:
        y = y + jnp.expand_dims(beta, others)
    return _in_float_dtype_of(x, y)


def group_norm(
    x: jax.Array,
    groups: int,
    gamma: jax.Array | None = None,
    beta: jax.Array | None = None,
    *,
    axis: int = -1,
    epsilon: float = 1e-3,
) -> jax.Array:
    r"""`y = gamma * (x - mean) / sqrt(variance + epsilon) + beta`, by row and group of channels.

    Args:
        x: (batch, ...) with n channels along `axis`.
        groups: divides n; n itself normalises each channel apart.
        gamma: (n,) or None for 1.
        beta: (n,) or None for 0.
        axis: where the channels are.
        epsilon: added to the variance.

    Returns:
        x's shape and float dtype.

    >>> import jax.numpy as jnp
    >>> group_norm(jnp.array([[1.0, 3.0, 10.0, 20.0]]), 2, epsilon=0.0).tolist()
    [[-1.0, 1.0, -1.0, 1.0]]

    Source: Wu & He, ECCV 2018.
    """
    axis %= x.ndim
    wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    others = [a for a in range(1, x.ndim) if a != axis]
    size = x.shape[axis] // groups

    def group_means(values: jax.Array) -> jax.Array:
        """Means over all other axes, then over each group: (batch, 1, ..., channels)."""
        by_group = jnp.mean(jnp.mean(values, others).reshape(-1, groups, size), -1)
        return jnp.expand_dims(jnp.repeat(by_group, size, 1), others)

    centred = wide - group_means(wide)
    scale = jax.lax.rsqrt(group_means(jnp.square(centred)) + epsilon)
    if gamma is not None:
        scale = scale * along_axis(gamma, x.ndim, axis)
    y = centred * scale
    if beta is not None:
        y = y + along_axis(beta, x.ndim, axis)
    return _in_float_dtype_of(x, y)


def rms_norm(
    x: jax.Array,
    scale: jax.Array | None = None,
    *,
    axis: int | Sequence[int] = -1,
    epsilon: float = 1e-6,
) -> jax.Array:
    r"""`y = scale * x / sqrt(mean(x^2) + epsilon)`, the mean taken over `axis`.

    Args:
        x: any shape.
        scale: the sizes of `axis`, or None for 1.
        axis: one or more axes.
        epsilon: added to the mean square.

    Returns:
        x's shape and float dtype.

    >>> import jax.numpy as jnp
    >>> rms_norm(jnp.array([[3.0, 3.0]]), epsilon=0.0).tolist()
    [[1.0, 1.0]]

    Source: Zhang & Sennrich, NeurIPS 2019.
    """
    axes = sorted(a % x.ndim for a in ((axis,) if isinstance(axis, int) else axis))
    wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    y = wide * jax.lax.rsqrt(jnp.mean(jnp.square(wide), tuple(axes), keepdims=True) + epsilon)
    if scale is not None:
        y = y * jnp.expand_dims(scale, [a for a in range(x.ndim) if a not in axes])
    return _in_float_dtype_of(x, y)


def unit_norm(
    x: jax.Array, *, axis: int | Sequence[int] | None = -1, epsilon: float = 1e-12
) -> jax.Array:
    r"""`y = x / max(|x|, epsilon)` with the Euclidean norm over `axis`; zeros stay zeros.

    Args:
        x: any shape.
        axis: one or more axes, None for all.
        epsilon: the least norm that is divided by.

    Returns:
        x's shape and float dtype.

    >>> import jax.numpy as jnp
    >>> unit_norm(jnp.array([0.0, 4.0])).tolist()
    [0.0, 1.0]
    """
    axes = tuple(axis) if isinstance(axis, Sequence) else axis
    wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    squares = jnp.sum(jnp.square(wide), axes, keepdims=True)
    # The bound is set before the root: its gradient at 0 would be NaN.
    return _in_float_dtype_of(x, wide * jax.lax.rsqrt(jnp.maximum(squares, epsilon**2)))


def _in_float_dtype_of(x: jax.Array, y: jax.Array) -> jax.Array:
    return y.astype(x.dtype) if jnp.issubdtype(x.dtype, jnp.floating) else y
