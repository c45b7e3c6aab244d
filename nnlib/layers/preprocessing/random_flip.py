"""RandomFlip: images mirrored."""

from typing import Any

import jax
import jax.numpy as jnp

from nnlib.layers.checks import one_of
from nnlib.layers.dropout import checked_seed
from nnlib.layers.preprocessing.image_layer import ImageLayer

_AXES = {"horizontal": (2,), "vertical": (1,), "horizontal_and_vertical": (1, 2)}


class RandomFlip(ImageLayer):
    """Each image mirrored with probability 1/2 while training.

    Args:
        mode: "horizontal" (left to right), "vertical" (top to bottom) or
            "horizontal_and_vertical": both at once or none.
        seed: an integer mixed into the key of the call; draws still differ from step to step.
        data_format: "channels_last" or "channels_first"; None for the global setting.

    Input shape:
        (batch, height, width, channels), or without the batch.

    Output shape:
        The input's.

    Raises:
        ShapeError: for other numbers of axes.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> sorted(nn.layers.RandomFlip("horizontal")(jnp.ones((4, 6, 3))).shape)
    [3, 4, 6]
    """

    def __init__(
        self,
        mode: str = "horizontal_and_vertical",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(data_format, **kwargs)
        self.mode = one_of("RandomFlip", "mode", mode, tuple(_AXES))
        self.seed = checked_seed("RandomFlip", seed)

    def draw(self, key: Any, images: jax.Array) -> dict[str, Any]:
        return {"flips": jax.random.bernoulli(key, 0.5, (images.shape[0], 1, 1, 1))}

    def transform_images(self, images: jax.Array, drawn: dict[str, Any]) -> jax.Array:
        return jnp.where(drawn["flips"], jnp.flip(images, _AXES[self.mode]), images)

    def transform_segmentation_masks(self, masks: jax.Array, drawn: dict[str, Any]) -> jax.Array:
        return self.transform_images(masks, drawn)
