"""RandomColorDegeneration: images blended with their gray."""

from typing import Any

import jax
import jax.numpy as jnp

from nnlib.layers.preprocessing.color_layer import ColorLayer, per_image
from nnlib.layers.preprocessing.draws import uniform
from nnlib.ops.color import rgb_to_grayscale


class RandomColorDegeneration(ColorLayer):
    """`x + f * (gray(x) - x)` while training, cut off to the range.

    Args:
        factor: f: 0 changes nothing, 1 is gray. Two numbers draw from the first to the second; a
            number u draws from -u to u, as in Keras.
        value_range: the smallest and the largest value of a pixel.
        data_format: "channels_last" or "channels_first"; None for the global setting.
        seed: an integer mixed into the key of the call; draws still differ from step to step.

    Input shape:
        (batch, height, width, 3 channels), or without the batch.

    Output shape:
        The input's.

    Raises:
        ShapeError: for other numbers of axes or channels.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> gray = nn.layers.RandomColorDegeneration((1.0, 1.0))
    >>> gray(jnp.array([[[100.0, 100.0, 200.0]]])).ravel().round().tolist()
    [111.0, 111.0, 111.0]

    Source: ITU-R BT.601.
    """

    bounds = (-1, 1)

    def __init__(
        self,
        factor: Any,
        value_range: Any = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(factor, value_range, data_format, seed, **kwargs)

    def draw(self, key: Any, images: jax.Array) -> dict[str, Any]:
        return {"factor": uniform(key, (images.shape[0],), self.factor)}

    def transform_images(self, images: jax.Array, drawn: dict[str, Any]) -> jax.Array:
        self.check_channels(images, 1, 3)
        grayer = per_image(drawn["factor"], images) * (rgb_to_grayscale(images) - images)
        return jnp.clip(images + grayer, *self.value_range)
