"""CenterCrop: the middle of an image."""

from typing import Any

import jax

from nnlib.layers.checks import positive_int
from nnlib.layers.preprocessing.image_layer import ImageLayer
from nnlib.ops.resize import aspect_window, center_window, resize


class CenterCrop(ImageLayer):
    """The `(height, width)` window in the middle, in training and in inference alike.

    Of images that are smaller, the largest window with that aspect ratio is taken and scaled up.

    Args:
        height: of the output, in pixels.
        width: likewise.
        data_format: "channels_last" or "channels_first"; None for the global setting.

    Input shape:
        (batch, old_height, old_width, channels), or without the batch.

    Output shape:
        (batch, height, width, channels), or without the batch.

    Raises:
        ShapeError: for other numbers of axes.

    >>> import numpy as np, nnlib as nn
    >>> nn.layers.CenterCrop(1, 2)(np.arange(4.0).reshape(1, 4, 1)).ravel().tolist()
    [1.0, 2.0]
    """

    applies_always = True
    draws = False

    def __init__(self, height: int, width: int, data_format: str | None = None, **kwargs: Any):
        super().__init__(data_format, **kwargs)
        self.height = positive_int("CenterCrop", "height", height)
        self.width = positive_int("CenterCrop", "width", width)

    def transform_images(self, images: jax.Array, drawn: dict[str, Any]) -> jax.Array:
        return self._cropped(images, "bilinear")

    def transform_segmentation_masks(self, masks: jax.Array, drawn: dict[str, Any]) -> jax.Array:
        return self._cropped(masks, "nearest")

    def _cropped(self, images: jax.Array, interpolation: str) -> jax.Array:
        size, (height, width) = (self.height, self.width), images.shape[1:3]
        if height >= self.height and width >= self.width:
            return center_window(images, size)
        return resize(aspect_window(images, size), size, interpolation)
