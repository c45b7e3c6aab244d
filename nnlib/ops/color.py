"""Colours: gray, hue and saturation, and shifts of value ranges."""

import jax
import jax.numpy as jnp

_LUMA = (0.2989, 0.587, 0.114)


def rgb_to_grayscale(images: jax.Array) -> jax.Array:
    """`0.2989 r + 0.587 g + 0.114 b`; images of one channel as they are.

    Args:
        images: (..., 3) or (..., 1).

    Returns:
        (..., 1) of the same dtype; integers are cut off, not rounded.

    >>> import jax.numpy as jnp
    >>> rgb_to_grayscale(jnp.array([[[10, 20, 30]]])).tolist()
    [[[18]]]

    Source: ITU-R BT.601.
    """
    if images.shape[-1] == 1:
        return images
    floating = jnp.issubdtype(images.dtype, jnp.floating)
    values = images if floating else images.astype(jnp.float32)
    gray = jnp.tensordot(values, jnp.asarray(_LUMA, values.dtype), 1)
    return gray[..., None].astype(images.dtype)


def rgb_to_hsv(images: jax.Array) -> jax.Array:
    """Hue and saturation from 0 to 1, and the value: the largest of red, green and blue.

    Args:
        images: (..., 3) floats of at least 0.

    Returns:
        (..., 3); the hue of gray is 0.

    >>> import jax.numpy as jnp
    >>> rgb_to_hsv(jnp.array([0.0, 2.0, 0.0])).round(4).tolist()
    [0.333..., 1.0, 2.0]

    Source: Smith, "Color gamut transform pairs", SIGGRAPH 1978.
    """
    images = jnp.where(jnp.abs(images) < jnp.finfo(images.dtype).eps, 0, images)
    red, green, blue = images[..., 0], images[..., 1], images[..., 2]
    value = jnp.maximum(jnp.maximum(red, green), blue)
    spread = value - jnp.minimum(jnp.minimum(red, green), blue)
    saturation = jnp.where(value > 0, spread / jnp.where(value > 0, value, 1), 0)
    sixth = 1 / (6 * jnp.where(spread > 0, spread, 1))
    hue = jnp.where(value == green, sixth * (blue - red) + 2 / 6, sixth * (red - green) + 4 / 6)
    hue = jnp.where(value == red, sixth * (green - blue), hue)
    hue = jnp.where(spread > 0, hue, 0) + (hue < 0).astype(hue.dtype)
    return jnp.stack([hue, saturation, value], axis=-1)


def hsv_to_rgb(images: jax.Array) -> jax.Array:
    """The inverse of `rgb_to_hsv`; the hue counts modulo 1.

    Args:
        images: (..., 3) floats.

    Returns:
        (..., 3).

    >>> import jax.numpy as jnp
    >>> hsv_to_rgb(jnp.array([0.0, 0.5, 2.0])).tolist()
    [2.0, 1.0, 1.0]

    Source: Smith, "Color gamut transform pairs", SIGGRAPH 1978.
    """
    hue, saturation, value = images[..., 0], images[..., 1], images[..., 2]
    angle = hue % 1 * 6
    red = jnp.clip(jnp.abs(angle - 3) - 1, 0, 1)
    green = jnp.clip(2 - jnp.abs(angle - 2), 0, 1)
    blue = jnp.clip(2 - jnp.abs(angle - 4), 0, 1)
    pure = jnp.stack([red, green, blue], axis=-1)
    return value[..., None] * (1 - saturation[..., None] * (1 - pure))


def shift_range(images: jax.Array, old: tuple[float, float], new: tuple[float, float]) -> jax.Array:
    """Values of the range `old` moved and scaled to the range `new`, in 32 bits or more.

    >>> import jax.numpy as jnp
    >>> shift_range(jnp.array([0.0, 255.0]), (0, 255), (-1, 1)).tolist()
    [-1.0, 1.0]
    """
    if tuple(old) == tuple(new):
        return images
    images = images.astype(jnp.promote_types(images.dtype, jnp.float32))
    return (images - old[0]) / (old[1] - old[0]) * (new[1] - new[0]) + new[0]
