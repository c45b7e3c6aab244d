"""Spatial axes made longer by whole factors."""

import jax
import jax.numpy as jnp

from nnlib.ops.convolution import Sizes, per_axis, spatial_axes


def upsample(
    x: jax.Array,
    factors: Sizes,
    data_format: str = "channels_last",
    interpolation: str = "nearest",
) -> jax.Array:
    """Each spatial axis `factor` times as long.

    Args:
        x: (batch, *spatial, channels), or (batch, channels, *spatial) for "channels_first".
        factors: one for each spatial axis, or one for all.
        data_format: "channels_last" or "channels_first".
        interpolation: "nearest" repeats each element; "bilinear", "bicubic", "lanczos3" and
            "lanczos5" are the methods of `jax.image.resize`, with the centres of pixels at 0.5.

    Returns:
        x with longer spatial axes, in its dtype: integers are rounded.

    >>> import jax.numpy as jnp
    >>> upsample(jnp.arange(2.0).reshape(1, 2, 1), [2]).ravel().tolist()
    [0.0, 0.0, 1.0, 1.0]
    """
    axes = spatial_axes(x.ndim, data_format)
    pairs = list(zip(axes, per_axis(factors, len(axes)), strict=True))
    if interpolation == "nearest":
        for axis, factor in pairs:
            x = jnp.repeat(x, factor, axis=axis)
        return x
    shape = list(x.shape)
    for axis, factor in pairs:
        shape[axis] *= factor
    y = jax.image.resize(x, shape, interpolation, antialias=False)
    return _rounded(y, x.dtype) if jnp.issubdtype(x.dtype, jnp.integer) else y


def _rounded(x: jax.Array, dtype: jnp.dtype) -> jax.Array:
    """The nearest integers that `dtype` can hold."""
    limits = jnp.iinfo(dtype)
    return jnp.clip(jnp.round(x), limits.min, limits.max).astype(dtype)
