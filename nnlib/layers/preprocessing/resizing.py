"""Resizing: images in another size."""

from typing import Any

import jax
import jax.numpy as jnp

from nnlib.core.dtypes import is_float
from nnlib.core.errors import ArgumentError
from nnlib.layers.checks import one_of, positive_int
from nnlib.layers.preprocessing.arguments import number
from nnlib.layers.preprocessing.image_layer import ImageLayer
from nnlib.ops.resize import aspect_window, pad_to_aspect, resize

_INTERPOLATIONS = ("bilinear", "nearest", "bicubic", "lanczos3", "lanczos5")


class Resizing(ImageLayer):
    """Images scaled to `(height, width)`, in training and in inference alike.

    Integers stay integers of their type, rounded and clipped; segmentation masks are scaled to
    nearest pixels.

    Args:
        height: of the output, in pixels.
        width: likewise.
        interpolation: "bilinear", "nearest", "bicubic", "lanczos3" or "lanczos5".
        crop_to_aspect_ratio: whether the largest window in the middle with the new aspect ratio
            is taken, so that nothing is distorted.
        pad_to_aspect_ratio: whether borders are added instead, likewise.
        fill_mode: of the borders, only "constant".
        fill_value: of the borders.
        antialias: whether images are smoothed before they shrink.
        data_format: "channels_last" or "channels_first"; None for the global setting.

    Input shape:
        (batch, old_height, old_width, channels), or without the batch.

    Output shape:
        (batch, height, width, channels), or without the batch.

    Raises:
        ShapeError: for other numbers of axes.

    >>> import numpy as np, nnlib as nn
    >>> nn.layers.Resizing(1, 4)(np.array([[[0], [40]]], "uint8")).ravel().tolist()
    [0, 10, 30, 40]

    Source: Keys, "Cubic convolution interpolation", 1981; Duchon, "Lanczos filtering", 1979.
    """

    applies_always = True
    draws = False
    keeps_dtype = True

    def __init__(
        self,
        height: int,
        width: int,
        interpolation: str = "bilinear",
        crop_to_aspect_ratio: bool = False,
        pad_to_aspect_ratio: bool = False,
        fill_mode: str = "constant",
        fill_value: float = 0.0,
        antialias: bool = False,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(data_format, **kwargs)
        self.height = positive_int("Resizing", "height", height)
        self.width = positive_int("Resizing", "width", width)
        self.interpolation = one_of("Resizing", "interpolation", interpolation, _INTERPOLATIONS)
        self.crop_to_aspect_ratio = bool(crop_to_aspect_ratio)
        self.pad_to_aspect_ratio = bool(pad_to_aspect_ratio)
        if self.crop_to_aspect_ratio and self.pad_to_aspect_ratio:
            raise ArgumentError(
                "Resizing: expected crop_to_aspect_ratio or pad_to_aspect_ratio, got both."
            )
        self.fill_mode = one_of("Resizing", "fill_mode", fill_mode, ("constant",))
        self.fill_value = number("Resizing", "fill_value", fill_value)
        self.antialias = bool(antialias)

    def transform_images(self, images: jax.Array, drawn: dict[str, Any]) -> jax.Array:
        return self._resized(images, self.interpolation)

    def transform_segmentation_masks(self, masks: jax.Array, drawn: dict[str, Any]) -> jax.Array:
        return self._resized(masks, "nearest")

    def _resized(self, images: jax.Array, interpolation: str) -> jax.Array:
        size, dtype = (self.height, self.width), images.dtype
        if self.crop_to_aspect_ratio:
            images = aspect_window(images, size)
        elif self.pad_to_aspect_ratio:
            # A fill value may be no integer, or none of this type: it is blended in as a float.
            images = images if is_float(images) else images.astype(jnp.float32)
            images = pad_to_aspect(images, size, self.fill_value)
        return saturated(resize(images, size, interpolation, self.antialias), dtype)


def saturated(images: jax.Array, dtype: Any) -> jax.Array:
    """`images` in `dtype`: for integers rounded, and clipped to what they can hold."""
    if images.dtype == dtype or jnp.issubdtype(dtype, jnp.floating):
        return images.astype(dtype)
    limits = jnp.iinfo(dtype)
    return jnp.clip(jnp.round(images), limits.min, limits.max).astype(dtype)
