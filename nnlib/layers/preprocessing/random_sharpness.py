"""RandomSharpness: images sharpened or smoothed."""

from typing import Any

import jax
import jax.numpy as jnp

from nnlib.layers.preprocessing.color_layer import ColorLayer, per_image
from nnlib.layers.preprocessing.draws import uniform
from nnlib.ops.gaussian_blur import filter_channels


class RandomSharpness(ColorLayer):
    """`x + (1 - 2 f) * (smooth(x) - x)` while training, cut off to the range.

    `smooth` is the convolution with 1/13 around 5/13 in a window of 3 x 3, zeros beyond the edge.

    Args:
        factor: f, from 0 to 1: 0 smooths, 0.5 changes nothing, 1 sharpens. A number u draws from 0
            to u for each image, two numbers from the first to the second.
        value_range: the smallest and the largest value of a pixel.
        data_format: "channels_last" or "channels_first"; None for the global setting.
        seed: an integer mixed into the key of the call; draws still differ from step to step.

    Input shape:
        (batch, height, width, channels), or without the batch.

    Output shape:
        The input's.

    Raises:
        ShapeError: for other numbers of axes.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> smooth = nn.layers.RandomSharpness((0.0, 0.0))
    >>> smooth(jnp.full((3, 3, 1), 13.0))[1, 1].round(4).tolist()
    [13.0]
    """

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
        kernel = jnp.full((3, 3), 1 / 13).at[1, 1].set(5 / 13)
        smoothing = 1 - 2 * per_image(drawn["factor"], images)
        changed = images + smoothing * (filter_channels(images, kernel) - images)
        return jnp.clip(changed, *self.value_range)
