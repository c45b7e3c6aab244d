"""RandomErasing: rectangles of noise."""

from typing import Any

import jax
import jax.numpy as jnp

from nnlib.core.errors import ArgumentError
from nnlib.layers.preprocessing.arguments import factor_range, is_number
from nnlib.layers.preprocessing.color_layer import ColorLayer
from nnlib.layers.preprocessing.draws import by_chance, uniform, windows


class RandomErasing(ColorLayer):
    """A rectangle at a random place of some images replaced by noise or a colour, while training.

    Args:
        factor: the probability that an image is changed; itself drawn for each image from 0 to f
            for a number f, else from the first to the second of two numbers.
        scale: of the rectangle: the squares of what it takes of the width and of the height are
            drawn from the first to the second number.
        fill_value: a number, or three for the channels; normal noise times the largest value if
            None. Cut off to the range.
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
    >>> black = nn.layers.RandomErasing((1.0, 1.0), scale=(1.0, 1.0), fill_value=0)
    >>> float(black(jnp.ones((4, 4, 1))).sum())
    0.0

    Source: Zhong et al., "Random erasing data augmentation", AAAI 2020.
    """

    def __init__(
        self,
        factor: Any = 1.0,
        scale: Any = (0.02, 0.33),
        fill_value: Any = None,
        value_range: Any = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(factor, value_range, data_format, seed, **kwargs)
        self.scale = factor_range("RandomErasing", "scale", scale, 0, 1)
        self.fill_value = _checked_fill(fill_value)

    def draw(self, key: Any, images: jax.Array) -> dict[str, Any]:
        for_size, for_place, for_choice, for_noise = jax.random.split(key, 4)
        count, height, width = images.shape[:3]
        shares = jnp.sqrt(uniform(for_size, (count, 2), self.scale))
        return {
            "apply_erasing": by_chance(for_choice, count, self.factor),
            "batch_masks": windows(for_place, shares, height, width),
            "fill_value": jnp.clip(self._fill(for_noise, images), *self.value_range),
        }

    def _fill(self, key: Any, images: jax.Array) -> jax.Array:
        if self.fill_value is None:
            return jax.random.normal(key, images.shape, images.dtype) * self.value_range[1]
        if isinstance(self.fill_value, tuple):
            self.check_channels(images, 3)
        return jnp.reshape(jnp.asarray(self.fill_value, images.dtype), (1, 1, 1, -1))

    def transform_images(self, images: jax.Array, drawn: dict[str, Any]) -> jax.Array:
        chosen = drawn["batch_masks"] & drawn["apply_erasing"][:, None, None, None]
        return jnp.where(chosen, drawn["fill_value"], images)


def _checked_fill(value: Any) -> Any:
    if value is None or is_number(value):
        return value
    if isinstance(value, tuple | list) and len(value) == 3 and all(map(is_number, value)):
        return tuple(value)
    raise ArgumentError(
        f"RandomErasing: expected fill_value to be a number, three of them or None, got {value!r}."
    )
