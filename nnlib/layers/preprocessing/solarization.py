"""Solarization: bright values inverted."""

from typing import Any

import jax
import jax.numpy as jnp

from nnlib.layers.dropout import checked_seed
from nnlib.layers.preprocessing.arguments import Range, bounded_range, checked_value_range
from nnlib.layers.preprocessing.color_layer import per_image
from nnlib.layers.preprocessing.draws import uniform
from nnlib.layers.preprocessing.image_layer import ImageLayer
from nnlib.ops.color import shift_range


class Solarization(ImageLayer):
    """`255 - v` where `v = x + addition` is not below a threshold, else v; while training.

    Args:
        addition_factor: from 0 to 1. A number f draws the addition from 0 to 255 f for each image,
            two numbers a and b from a to 255 b.
        threshold_factor: likewise for the threshold; 0 inverts everything.
        value_range: the smallest and the largest value of a pixel; values are moved to 0 to 255
            before, and back behind.
        seed: an integer mixed into the key of the call; draws still differ from step to step.

    Input shape:
        (batch, height, width, channels), or without the batch.

    Output shape:
        The input's.

    Raises:
        ShapeError: for other numbers of axes.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.Solarization()(jnp.array([[[0.0], [200.0]]])).ravel().tolist()
    [255.0, 55.0]
    """

    def __init__(
        self,
        addition_factor: Any = 0.0,
        threshold_factor: Any = 0.0,
        value_range: Any = (0, 255),
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.addition_factor = _range_from_zero("addition_factor", addition_factor)
        self.threshold_factor = _range_from_zero("threshold_factor", threshold_factor)
        self.value_range = checked_value_range("Solarization", value_range)
        self.seed = checked_seed("Solarization", seed)

    def draw(self, key: Any, images: jax.Array) -> dict[str, Any]:
        keys, count = jax.random.split(key), images.shape[:1]
        return {
            "additions": _of_255(keys[0], count, self.addition_factor),
            "thresholds": _of_255(keys[1], count, self.threshold_factor),
        }

    def transform_images(self, images: jax.Array, drawn: dict[str, Any]) -> jax.Array:
        values = shift_range(images, self.value_range, (0, 255))
        values = jnp.clip(values + per_image(drawn["additions"], values), 0, 255)
        dark = values < per_image(drawn["thresholds"], values)
        return shift_range(jnp.where(dark, values, 255 - values), (0, 255), self.value_range)


def _range_from_zero(name: str, value: Any) -> Range:
    first, last = bounded_range("Solarization", name, value, 0, 1)
    return max(first, 0), last


def _of_255(key: Any, shape: Any, factor: Range) -> jax.Array:
    # The lower end is not multiplied, as in Keras.
    return uniform(key, shape, (factor[0], factor[1] * 255))
