"""Statistics, and normalising with them. 16-bit floats are computed in float32."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from nnlib.ops.shaping import along_axis


def moments(
    x: jax.Array, axes: Sequence[int], row_mask: jax.Array | None = None
) -> tuple[jax.Array, jax.Array]:
    """Mean and biased variance over `axes`, computed in at least float32.

    Args:
        x: any shape.
        axes: what is averaged over, 0 included if there is a mask.
        row_mask: (batch,), 0 for rows along axis 0 that must not count.

    Returns:
        Two arrays of x's shape without `axes`.

    >>> import jax.numpy as jnp
    >>> [float(v) for v in moments(jnp.array([1.0, 3.0, 99.0]), (0,), jnp.array([1, 1, 0]))]
    [2.0, 1.0]
    """
    x = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    axes = tuple(axes)
    if row_mask is None:
        mean = jnp.mean(x, axes, keepdims=True)
        variance = jnp.mean(jnp.square(x - mean), axes)
        return jnp.squeeze(mean, axes), variance
    rows = along_axis(row_mask > 0, x.ndim, 0)
    count = jnp.maximum(jnp.sum(rows), 1).astype(x.dtype)
    for axis in axes[1:] if axes[0] == 0 else axes:
        count = count * x.shape[axis]
    x = jnp.where(rows, x, 0)
    mean = jnp.sum(x, axes, keepdims=True) / count
    variance = jnp.sum(jnp.where(rows, jnp.square(x - mean), 0), axes) / count
    return jnp.squeeze(mean, axes), variance


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
    y = (wide - along_axis(mean, x.ndim, axis)) * along_axis(scale, x.ndim, axis)
    if beta is not None:
        y = y + along_axis(beta, x.ndim, axis)
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


def _in_float_dtype_of(x: jax.Array, y: jax.Array) -> jax.Array:
    return y.astype(x.dtype) if jnp.issubdtype(x.dtype, jnp.floating) else y
