"""AutoContrast: values that fill their range."""

from typing import Any

import jax

from nnlib.layers.preprocessing.arguments import checked_value_range
from nnlib.layers.preprocessing.image_layer import ImageLayer
from nnlib.ops.color import shift_range
from nnlib.ops.equalize import auto_contrast


class AutoContrast(ImageLayer):
    """Each channel of each image stretched to the value range, in training and in inference alike.

    A channel of one value only stays as it is.

    Args:
        value_range: the smallest and the largest value of a pixel.

    Input shape:
        (batch, height, width, channels), or without the batch.

    Output shape:
        The input's.

    Raises:
        ShapeError: for other numbers of axes.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.AutoContrast()(jnp.array([[[10.0], [20.0], [30.0]]])).ravel().tolist()
    [0.0, 127.5, 255.0]
    """

    applies_always = True
    draws = False

    def __init__(self, value_range: Any = (0, 255), **kwargs: Any):
        super().__init__(**kwargs)
        self.value_range = checked_value_range("AutoContrast", value_range)

    def transform_images(self, images: jax.Array, drawn: dict[str, Any]) -> jax.Array:
        stretched = auto_contrast(shift_range(images, self.value_range, (0, 255)))
        return shift_range(stretched, (0, 255), self.value_range)
