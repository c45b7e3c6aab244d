"""RandomCrop: a window somewhere in the image."""

from typing import Any

import jax

from nnlib.layers.checks import positive_int
from nnlib.layers.dropout import checked_seed
from nnlib.layers.preprocessing.image_layer import ImageLayer
from nnlib.ops.resize import aspect_size, aspect_window, resize


class RandomCrop(ImageLayer):
    """A `(height, width)` window at a random place while training, the same for the whole batch.

    In inference it is the largest window in the middle with that aspect ratio, scaled to size.
    While training, images that are not larger on both axes give what they have from the corner of
    that window on, up to `(height, width)`, scaled to size where it is smaller.

    Args:
        height: of the output, in pixels.
        width: likewise.
        seed: an integer mixed into the key of the call; draws still differ from step to step.
        data_format: "channels_last" or "channels_first"; None for the global setting.

    Input shape:
        (batch, old_height, old_width, channels), or without the batch.

    Output shape:
        (batch, height, width, channels), or without the batch.

    Raises:
        ShapeError: for other numbers of axes.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.RandomCrop(2, 3)(jnp.ones((8, 8, 1))).shape
    (2, 3, 1)
    """

    applies_always = True

    def __init__(
        self,
        height: int,
        width: int,
        seed: int | None = None,
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(data_format, name=name, **kwargs)
        self.height = positive_int("RandomCrop", "height", height)
        self.width = positive_int("RandomCrop", "width", width)
        self.seed = checked_seed("RandomCrop", seed)

    def draw(self, key: Any, images: jax.Array) -> dict[str, Any]:
        if key is None:
            return {}
        (height, width), size = images.shape[1:3], (self.height, self.width)
        if not (height > self.height and width > self.width):
            rows, columns = aspect_size((height, width), size)
            return {"top": (height - rows) // 2, "left": (width - columns) // 2}
        for_top, for_left = jax.random.split(key)
        return {
            "top": jax.random.randint(for_top, (), 0, height - self.height + 1),
            "left": jax.random.randint(for_left, (), 0, width - self.width + 1),
        }

    def transform_images(self, images: jax.Array, drawn: dict[str, Any]) -> jax.Array:
        return self._cropped(images, drawn, "bilinear")

    def transform_segmentation_masks(self, masks: jax.Array, drawn: dict[str, Any]) -> jax.Array:
        return self._cropped(masks, drawn, "nearest")

    def _cropped(self, images: jax.Array, drawn: dict[str, Any], interpolation: str) -> jax.Array:
        size = (self.height, self.width)
        if not drawn:
            return resize(aspect_window(images, size), size, interpolation)
        top, left = drawn["top"], drawn["left"]
        if isinstance(top, jax.Array):
            rows = jax.lax.dynamic_slice_in_dim(images, top, self.height, 1)
            return jax.lax.dynamic_slice_in_dim(rows, left, self.width, 2)
        window = images[:, top : top + self.height, left : left + self.width]
        return window if window.shape[1:3] == size else resize(window, size, interpolation)
