"""Equalization: flat histograms."""

from typing import Any

import jax

from nnlib.layers.checks import positive_int
from nnlib.layers.preprocessing.arguments import Range, checked_value_range
from nnlib.layers.preprocessing.image_layer import ImageLayer
from nnlib.ops.equalize import equalize


class Equalization(ImageLayer):
    """Values replaced by their rank while training, so that their histogram becomes flat.

    There is one histogram for each channel, over all images of the batch.

    Args:
        value_range: the smallest and the largest value of a pixel.
        bins: of the histogram.
        data_format: "channels_last" or "channels_first"; None for the global setting.

    Input shape:
        (batch, height, width, channels), or without the batch.

    Output shape:
        The input's.

    Raises:
        ShapeError: for other numbers of axes.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> layer = nn.layers.Equalization()
    >>> layer(jnp.array([[[10.0], [11.0], [12.0]]])).ravel().tolist()
    [0.0, 128.0, 255.0]

    Source: Gonzalez & Woods, "Digital Image Processing", section 3.3.
    """

    draws = False
    mixes_rows = True

    def __init__(
        self,
        value_range: Any = (0, 255),
        bins: int = 256,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(data_format, **kwargs)
        self.bins = positive_int("Equalization", "bins", bins)
        self.value_range = checked_value_range("Equalization", value_range)

    def transform_images(self, images: jax.Array, drawn: dict[str, Any]) -> jax.Array:
        exact = images.astype("float32") if images.dtype.itemsize < 4 else images
        ranks = equalize(_moved(exact, self.value_range, (0, 255)), self.bins)
        return _moved(ranks, (0, 255), self.value_range)


def _moved(values: jax.Array, old: Range, new: Range) -> jax.Array:
    """One product and one sum: in which bin a value falls depends on how it is rounded."""
    scale = (new[1] - new[0]) / (old[1] - old[0])
    return values * scale + (new[0] - old[0] * scale)
