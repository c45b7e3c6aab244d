"""RandomBrightness: images made lighter or darker."""

from typing import Any

import jax
import jax.numpy as jnp

from nnlib.layers.preprocessing.color_layer import ColorLayer, per_image
from nnlib.layers.preprocessing.draws import uniform


class RandomBrightness(ColorLayer):
    """A random number added to each image while training; the result is cut off to the range.

    Args:
        factor: what is added, from -1 to 1, in widths of the value range. A number f draws from -f
            to f, two numbers from the first to the second.
        value_range: the smallest and the largest value of a pixel.
        seed: an integer mixed into the key of the call; draws still differ from step to step.

    Input shape:
        (batch, height, width, channels), or without the batch.

    Output shape:
        The input's.

    Raises:
        ShapeError: for other numbers of axes.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> lighter = nn.layers.RandomBrightness((0.2, 0.2))
    >>> lighter(jnp.array([[[0.0], [100.0], [230.0]]])).ravel().tolist()
    [51.0, 151.0, 255.0]
    """

    bounds = (-1, 1)

    def __init__(
        self, factor: Any, value_range: Any = (0, 255), seed: int | None = None, **kwargs: Any
    ):
        super().__init__(factor, value_range, kwargs.pop("data_format", None), seed, **kwargs)

    def draw(self, key: Any, images: jax.Array) -> dict[str, Any]:
        low, high = self.value_range
        return {"rgb_delta": uniform(key, (images.shape[0],), self.factor) * (high - low)}

    def transform_images(self, images: jax.Array, drawn: dict[str, Any]) -> jax.Array:
        return jnp.clip(images + per_image(drawn["rgb_delta"], images), *self.value_range)
