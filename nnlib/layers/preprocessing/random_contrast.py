"""RandomContrast: colours nearer to their mean, or further away."""

from typing import Any

import jax
import jax.numpy as jnp

from nnlib.layers.preprocessing.color_layer import ColorLayer, per_image
from nnlib.layers.preprocessing.draws import uniform


class RandomContrast(ColorLayer):
    """`(x - mean) * f + mean` while training, channel by channel; cut off to the range.

    Args:
        factor: (lower, upper), where f is drawn from 1 - lower to 1 + upper, anew for each image; a
            number u from 0 to 1 stands for (0, u).
        value_range: the smallest and the largest value of a pixel.
        seed: an integer mixed into the key of the call; draws still differ from step to step.

    Input shape:
        (batch, height, width, channels), or without the batch.

    Output shape:
        The input's.

    Raises:
        ShapeError: for other numbers of axes.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> flat = nn.layers.RandomContrast((0.5, 0.5))
    >>> float(flat(jnp.array([[[10.0], [30.0]]])).mean().round(4))
    20.0
    """

    def __init__(
        self, factor: Any, value_range: Any = (0, 255), seed: int | None = None, **kwargs: Any
    ):
        super().__init__(factor, value_range, kwargs.pop("data_format", None), seed, **kwargs)

    def draw(self, key: Any, images: jax.Array) -> dict[str, Any]:
        ends = 1 - self.factor[0], 1 + self.factor[1]
        return {"contrast_factor": uniform(key, (images.shape[0],), ends)}

    def transform_images(self, images: jax.Array, drawn: dict[str, Any]) -> jax.Array:
        mean = jnp.mean(images, axis=(1, 2), keepdims=True)
        changed = (images - mean) * per_image(drawn["contrast_factor"], images) + mean
        return jnp.clip(changed, *self.value_range)
