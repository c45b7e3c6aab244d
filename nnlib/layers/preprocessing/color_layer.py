"""The base of layers that change the colours of an image by one random number for each."""

from typing import Any, ClassVar

import jax

from nnlib.layers.dropout import checked_seed
from nnlib.layers.preprocessing.arguments import Range, checked_value_range, factor_range
from nnlib.layers.preprocessing.image_layer import ImageLayer


class ColorLayer(ImageLayer):
    """Colours changed by a factor; segmentation masks stay as they are."""

    bounds: ClassVar[Range] = (0, 1)
    """Of the factor."""

    def __init__(
        self,
        factor: Any,
        value_range: Any,
        data_format: str | None,
        seed: int | None,
        **kwargs: Any,
    ):
        super().__init__(data_format, **kwargs)
        own = type(self).__name__
        self.factor = factor_range(own, "factor", factor, *self.bounds)
        self.value_range = checked_value_range(own, value_range)
        self.seed = checked_seed(own, seed)


def per_image(values: jax.Array, images: jax.Array) -> jax.Array:
    """(batch, ...) numbers as (batch, 1, 1, 1), in the dtype of the images."""
    return values.reshape((-1, 1, 1, 1)).astype(images.dtype)
