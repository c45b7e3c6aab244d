"""RandomHue: colours turned on the wheel."""

from typing import Any

import jax
import jax.numpy as jnp

from nnlib.layers.preprocessing.color_layer import ColorLayer, per_image
from nnlib.layers.preprocessing.draws import uniform
from nnlib.ops.color import hsv_to_rgb, rgb_to_hsv, shift_range


class RandomHue(ColorLayer):
    """The hue of each image turned at random while training.

    Args:
        factor: from 0 to 1, where 1 turns by half the wheel; to which side is left to chance. A
            number f draws from 0 to f, two numbers from the first to the second.
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
    >>> turn = nn.layers.RandomHue((1.0, 1.0))
    >>> turn(jnp.array([[[255.0, 0.0, 0.0]]])).ravel().round().tolist()
    [0.0, 255.0, 255.0]

    Source: Smith, "Color gamut transform pairs", SIGGRAPH 1978.
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
        for_side, for_size = jax.random.split(key)
        count = images.shape[:1]
        side = jax.random.rademacher(for_side, count, "float32")
        return {"factor": side * uniform(for_size, count, self.factor) / 2}

    def transform_images(self, images: jax.Array, drawn: dict[str, Any]) -> jax.Array:
        self.check_channels(images, 3)
        hsv = rgb_to_hsv(shift_range(images, self.value_range, (0, 1)))
        hue = hsv[..., :1] + per_image(drawn["factor"], hsv)
        turned = hsv_to_rgb(jnp.concatenate([hue % 1, hsv[..., 1:]], axis=-1))
        return shift_range(jnp.clip(turned, 0, 1), (0, 1), self.value_range)
