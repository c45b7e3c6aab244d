"""Images in another size, and the largest window of them with a given aspect ratio."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp


def resize(
    images: jax.Array,
    size: tuple[int, int],
    interpolation: str = "bilinear",
    antialias: bool = False,
) -> jax.Array:
    """Images scaled to `size`; pixels are squares whose centres are at halves.

    Args:
        images: (..., height, width, channels).
        size: new height and width.
        interpolation: "nearest", "bilinear", "bicubic", "lanczos3" or "lanczos5".
        antialias: whether they are smoothed before they shrink.

    Returns:
        (..., *size, channels), floats for integers unless the interpolation is "nearest".

    >>> import jax.numpy as jnp
    >>> resize(jnp.array([[[0.0], [4.0]]]), (1, 4)).ravel().tolist()
    [0.0, 1.0, 3.0, 4.0]

    Source: Keys, "Cubic convolution interpolation", 1981; Duchon, "Lanczos filtering", 1979.
    """
    shape = (*images.shape[:-3], *size, images.shape[-1])
    return jax.image.resize(images, shape, interpolation, antialias=antialias)


def center_window(images: jax.Array, size: tuple[int, int]) -> jax.Array:
    """The window of `size` in the middle; images are at least that large.

    >>> import jax.numpy as jnp
    >>> center_window(jnp.arange(4.0).reshape(1, 4, 1), (1, 2)).ravel().tolist()
    [1.0, 2.0]
    """
    top, left = (images.shape[-3] - size[0]) // 2, (images.shape[-2] - size[1]) // 2
    return images[..., top : top + size[0], left : left + size[1], :]


def aspect_window(images: jax.Array, size: tuple[int, int]) -> jax.Array:
    """The largest window in the middle that has the aspect ratio of `size`.

    >>> import jax.numpy as jnp
    >>> aspect_window(jnp.ones((8, 6, 1)), (2, 2)).shape
    (6, 6, 1)
    """
    return center_window(images, aspect_size(images.shape[-3:-1], size))


def aspect_size(old: Sequence[int], size: tuple[int, int]) -> tuple[int, int]:
    """The largest height and width within `old` that have the aspect ratio of `size`.

    >>> aspect_size((8, 6), (2, 2))
    (6, 6)
    """
    (height, width), fitting = old, (old[1] * size[0] // size[1], old[0] * size[1] // size[0])
    return max(min(height, fitting[0]), 1), max(min(width, fitting[1]), 1)


def pad_to_aspect(images: jax.Array, size: tuple[int, int], fill_value: float = 0.0) -> jax.Array:
    """The images with equal borders on two sides, so that they have the aspect ratio of `size`.

    >>> import jax.numpy as jnp
    >>> pad_to_aspect(jnp.ones((8, 6, 1)), (2, 2)).shape
    (8, 8, 1)
    """
    height, width = images.shape[-3:-1]
    rows = (max(height, width * size[0] // size[1]) - height) // 2
    columns = (max(width, height * size[1] // size[0]) - width) // 2
    borders = [(0, 0)] * (images.ndim - 3) + [(rows, rows), (columns, columns), (0, 0)]
    return jnp.pad(images, borders, constant_values=fill_value)
