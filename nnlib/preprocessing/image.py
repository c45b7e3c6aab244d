"""Images: files, arrays, and sizes without distortion."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from nnlib.core.errors import ArgumentError, ShapeError
from nnlib.ops.resize import aspect_window, resize
from nnlib.utils.image import array_to_img, img_to_array, load_img, save_img

__all__ = ["array_to_img", "img_to_array", "load_img", "save_img", "smart_resize"]

_INTERPOLATIONS = ("bilinear", "nearest", "bicubic", "lanczos3", "lanczos5")


def smart_resize(
    x: Any,
    size: tuple[int, int],
    interpolation: str = "bilinear",
    data_format: str = "channels_last",
) -> Any:
    """Images in another size without distortion: the largest window in the middle, scaled.

    Args:
        x: (height, width, channels) or (batch, height, width, channels).
        size: new height and width, in pixels.
        interpolation: "bilinear", "nearest", "bicubic", "lanczos3" or "lanczos5".
        data_format: "channels_last" or "channels_first".

    Returns:
        The images; a numpy array for a numpy array, else a jax array. Floats for integers, unless
        the interpolation is "nearest".

    Raises:
        ShapeError: for other numbers of axes.
        ArgumentError: for other sizes, interpolations or data formats.

    >>> import numpy as np, nnlib as nn
    >>> nn.preprocessing.image.smart_resize(np.ones((8, 4, 3)), (2, 2)).shape
    (2, 2, 3)
    """
    if len(size) != 2 or not all(n >= 1 for n in size):
        raise ArgumentError(f"smart_resize: expected size to be height and width, got {size!r}.")
    _one_of("interpolation", interpolation, _INTERPOLATIONS)
    _one_of("data_format", data_format, ("channels_last", "channels_first"))
    images = jnp.asarray(x)
    if images.ndim not in (3, 4):
        raise ShapeError(
            f"smart_resize: expected images with 3 or 4 axes, got shape {images.shape}."
        )
    first = data_format == "channels_first"
    images = jnp.moveaxis(images, -3, -1) if first else images
    height, width = size
    images = resize(aspect_window(images, (height, width)), (height, width), interpolation)
    images = jnp.moveaxis(images, -1, -3) if first else images
    return np.array(images) if isinstance(x, np.ndarray) else images


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        names = ", ".join(map(repr, allowed))
        raise ArgumentError(f"smart_resize: expected {name} to be one of {names}, got {value!r}.")
