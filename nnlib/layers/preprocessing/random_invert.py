"""RandomInvert: some images as negatives."""

from typing import Any

import jax
import jax.numpy as jnp

from nnlib.layers.preprocessing.color_layer import ColorLayer
from nnlib.layers.preprocessing.draws import by_chance


class RandomInvert(ColorLayer):
    """`largest value - x` for some images while training.

    Args:
        factor: the probability that an image is changed; itself drawn for each image from 0 to f
            for a number f, else from the first to the second of two numbers.
        value_range: the smallest and the largest value of a pixel.
        seed: an integer mixed into the key of the call; draws still differ from step to step.
        data_format: "channels_last" or "channels_first"; None for the global setting.

    Input shape:
        (batch, height, width, channels), or without the batch.

    Output shape:
        The input's.

    Raises:
        ShapeError: for other numbers of axes.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.RandomInvert((1.0, 1.0))(jnp.array([[[0.0], [55.0]]])).ravel().tolist()
    [255.0, 200.0]
    """

    def __init__(
        self,
        factor: Any = 1.0,
        value_range: Any = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(factor, value_range, data_format, seed, **kwargs)

    def draw(self, key: Any, images: jax.Array) -> dict[str, Any]:
        return {"apply_inversion": by_chance(key, images.shape[0], self.factor)}

    def transform_images(self, images: jax.Array, drawn: dict[str, Any]) -> jax.Array:
        chosen = drawn["apply_inversion"][:, None, None, None]
        return jnp.where(chosen, self.value_range[1] - images, images)
