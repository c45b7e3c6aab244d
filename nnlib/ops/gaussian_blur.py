"""Images blurred and sharpened by small kernels, channel by channel."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from nnlib.ops.convolution import depthwise_conv


def gaussian_blur(images: jax.Array, kernel_size: Sequence[int], sigma: jax.Array) -> jax.Array:
    r"""Convolution with a Gauss bell, `exp(-x^2 / (2 sigma^2))` along each axis, of sum 1.

    Args:
        images: (batch, height, width, channels); zeros are taken around them.
        kernel_size: width and height of the kernel, odd.
        sigma: (2,), the deviations along width and height, in pixels.

    Returns:
        images' shape.

    >>> import jax.numpy as jnp
    >>> image = jnp.zeros((1, 3, 3, 1)).at[0, 1, 1, 0].set(1.0)
    >>> gaussian_blur(image, (3, 3), jnp.ones(2))[0, 1, :, 0].round(3).tolist()
    [0.124..., 0.204..., 0.124...]
    """
    width, height = (_bell(n, s) for n, s in zip(kernel_size, sigma, strict=True))
    return filter_channels(images, jnp.outer(height, width))


def filter_channels(images: jax.Array, kernel: jax.Array) -> jax.Array:
    """Every channel convolved with one (height, width) kernel, zeros around the image.

    >>> import jax.numpy as jnp
    >>> filter_channels(jnp.ones((1, 2, 2, 1)), jnp.ones((3, 3))).ravel().tolist()
    [4.0, 4.0, 4.0, 4.0]
    """
    channels = images.shape[-1]
    kernel = jnp.broadcast_to(kernel[:, :, None, None], (*kernel.shape, channels, 1))
    return depthwise_conv(images, kernel.astype(images.dtype), padding="same")


def _bell(size: int, sigma: jax.Array) -> jax.Array:
    x = jnp.arange(size, dtype=sigma.dtype) - (size - 1) / 2
    bell = jnp.exp(-0.5 * (x / sigma) ** 2)
    return bell / jnp.sum(bell)
