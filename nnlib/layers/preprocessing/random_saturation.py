"""RandomSaturation: colours made stronger or paler."""

from typing import Any

import jax
import jax.numpy as jnp

from nnlib.core import settings
from nnlib.layers.preprocessing.color_layer import ColorLayer, per_image
from nnlib.layers.preprocessing.draws import uniform
from nnlib.ops.color import hsv_to_rgb, rgb_to_hsv


class RandomSaturation(ColorLayer):
    """The saturation of each image multiplied by `f / (1 - f)` while training.

    Args:
        factor: f: 0 is gray, 0.5 changes nothing, 1 is as strong as can be. Two numbers draw from
            the first to the second; a number u draws from -u to u, as in Keras.
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
    >>> gray = nn.layers.RandomSaturation((0.0, 0.0))
    >>> gray(jnp.array([[[200.0, 100.0, 50.0]]])).ravel().tolist()
    [200.0, 200.0, 200.0]

    Source: Smith, "Color gamut transform pairs", SIGGRAPH 1978.
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
        factor = uniform(key, (images.shape[0],), self.factor)
        return {"factor": factor / (1 - factor + settings.epsilon())}

    def transform_images(self, images: jax.Array, drawn: dict[str, Any]) -> jax.Array:
        self.check_channels(images, 3)
        hsv = rgb_to_hsv(images)
        saturation = hsv[..., 1:2] * per_image(drawn["factor"], images)
        saturation = jnp.clip(saturation, *self.value_range)
        return hsv_to_rgb(jnp.concatenate([hsv[..., :1], saturation, hsv[..., 2:]], axis=-1))
