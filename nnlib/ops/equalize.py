"""Contrast from histograms: flat ones, and ones that fill the range."""

import jax
import jax.numpy as jnp


def equalize(images: jax.Array, bins: int = 256) -> jax.Array:
    r"""Values replaced by their rank, channel by channel: histograms become flat.

    `out = round(255 (cdf(v) - cdf_min) / (cdf_max - cdf_min))`, where cdf counts the values up to
    v over the whole batch. A channel that falls into one bin stays as it is.

    Args:
        images: (..., channels) of values from 0 to 255.
        bins: of the histogram.

    Returns:
        images' shape; floats.

    >>> import jax.numpy as jnp
    >>> equalize(jnp.array([10.0, 11.0, 11.0, 12.0])[:, None]).ravel().tolist()
    [0.0, 170.0, 170.0, 255.0]

    Source: Gonzalez & Woods, "Digital Image Processing", section 3.3.
    """
    return jax.vmap(lambda plane: _equalized(plane, bins), -1, -1)(images)


def _equalized(plane: jax.Array, bins: int) -> jax.Array:
    exact = plane.astype(jnp.promote_types(plane.dtype, jnp.float32))
    counted = jnp.clip((exact * (bins - 1) / 255).astype("int32"), 0, bins - 1)
    counts = jnp.bincount(jnp.ravel(counted), length=bins)
    cdf = jnp.cumsum(counts)
    lowest = cdf[jnp.argmax(cdf > 0)]
    spread = jnp.maximum(cdf[-1] - lowest, 1)
    table = (cdf - lowest).astype(exact.dtype) * 255 / spread.astype(exact.dtype)
    looked_up = jnp.clip(exact / 255 * (bins - 1), 0, bins - 1).astype("int32")
    ranks = jnp.clip(jnp.round(table), 0, 255)[looked_up]
    return jnp.where(jnp.count_nonzero(counts) <= 1, exact, ranks).astype(plane.dtype)


def auto_contrast(images: jax.Array) -> jax.Array:
    """Values stretched so that each channel of each image goes from 0 to 255.

    Args:
        images: (batch, height, width, channels) floats.

    Returns:
        images' shape; a channel of one value only stays as it is.

    >>> import jax.numpy as jnp
    >>> auto_contrast(jnp.array([10.0, 20.0, 30.0]).reshape(1, 1, 3, 1)).ravel().tolist()
    [0.0, 127.5, 255.0]
    """
    low = jnp.min(images, axis=(1, 2), keepdims=True)
    high = jnp.max(images, axis=(1, 2), keepdims=True)
    flat = high == low
    scale = 255 / jnp.where(flat, 1, high - low)
    return jnp.where(flat, images, jnp.clip(images * scale - low * scale, 0, 255))
