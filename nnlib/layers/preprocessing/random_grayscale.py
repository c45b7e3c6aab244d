"""RandomGrayscale: some images without colours."""

from typing import Any

import jax
import jax.numpy as jnp

from nnlib.layers.checks import fraction
from nnlib.layers.dropout import checked_seed
from nnlib.layers.preprocessing.image_layer import ImageLayer
from nnlib.ops.color import rgb_to_grayscale


class RandomGrayscale(ImageLayer):
    """Each image turned to gray with a probability while training, in all three channels.

    Integers stay integers of their type.

    Args:
        factor: the probability, from 0 to 1.
        data_format: "channels_last" or "channels_first"; None for the global setting.
        seed: an integer mixed into the key of the call; draws still differ from step to step.

    Input shape:
        (batch, height, width, 3 or 1), or without the batch.

    Output shape:
        The input's.

    Raises:
        ShapeError: for other numbers of axes or channels.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.RandomGrayscale(1.0)(jnp.array([[[100, 100, 200]]])).ravel().tolist()
    [111, 111, 111]

    Source: ITU-R BT.601.
    """

    keeps_dtype = True

    def __init__(
        self,
        factor: float = 0.5,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(data_format, **kwargs)
        self.factor = fraction("RandomGrayscale", "factor", factor)
        self.seed = checked_seed("RandomGrayscale", seed)

    def draw(self, key: Any, images: jax.Array) -> dict[str, Any]:
        value = jax.random.uniform(key, (images.shape[0], 1, 1, 1), "float32")
        return {"should_apply": value < self.factor}

    def transform_images(self, images: jax.Array, drawn: dict[str, Any]) -> jax.Array:
        self.check_channels(images, 1, 3)
        return jnp.where(drawn["should_apply"], rgb_to_grayscale(images), images)
