"""RandomColorJitter: brightness, contrast, saturation and hue, one after the other."""

from typing import Any

import jax

from nnlib.layers.dropout import checked_seed
from nnlib.layers.preprocessing.arguments import checked_value_range
from nnlib.layers.preprocessing.image_layer import ImageLayer
from nnlib.layers.preprocessing.random_brightness import RandomBrightness
from nnlib.layers.preprocessing.random_contrast import RandomContrast
from nnlib.layers.preprocessing.random_hue import RandomHue
from nnlib.layers.preprocessing.random_saturation import RandomSaturation

_KINDS = {
    "brightness": RandomBrightness,
    "contrast": RandomContrast,
    "saturation": RandomSaturation,
    "hue": RandomHue,
}


class RandomColorJitter(ImageLayer):
    """`RandomBrightness`, `RandomContrast`, `RandomSaturation` and `RandomHue`, in this order.

    Args:
        value_range: the smallest and the largest value of a pixel.
        brightness_factor: the factor of RandomBrightness; None leaves it out.
        contrast_factor: of RandomContrast, likewise.
        saturation_factor: of RandomSaturation, likewise.
        hue_factor: of RandomHue, likewise.
        seed: an integer mixed into the key of the call; draws still differ from step to step.
        data_format: "channels_last" or "channels_first"; None for the global setting.

    Input shape:
        (batch, height, width, channels), or without the batch.

    Output shape:
        The input's.

    Raises:
        ShapeError: for other numbers of axes.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> jitter = nn.layers.RandomColorJitter(brightness_factor=(0.2, 0.2))
    >>> jitter(jnp.zeros((1, 1, 3))).ravel().tolist()
    [51.0, 51.0, 51.0]
    """

    def __init__(
        self,
        value_range: Any = (0, 255),
        brightness_factor: Any = None,
        contrast_factor: Any = None,
        saturation_factor: Any = None,
        hue_factor: Any = None,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(data_format, **kwargs)
        self.value_range = checked_value_range("RandomColorJitter", value_range)
        self.seed = checked_seed("RandomColorJitter", seed)
        self.brightness_factor, self.contrast_factor = brightness_factor, contrast_factor
        self.saturation_factor, self.hue_factor = saturation_factor, hue_factor
        factors = [brightness_factor, contrast_factor, saturation_factor, hue_factor]
        self.steps = {
            name: kind(factor, self.value_range, dtype=self.dtype_policy)
            for (name, kind), factor in zip(_KINDS.items(), factors, strict=True)
            if factor is not None
        }

    def build(self, *inputs: Any) -> None:
        for step in self.steps.values():
            step.built = True  # they are used by their parts, never called

    def draw(self, key: Any, images: jax.Array) -> dict[str, Any]:
        keys = jax.random.split(key, len(_KINDS))
        pairs = zip(self.steps.items(), keys, strict=False)
        return {name: step.draw(key, images) for (name, step), key in pairs}

    def transform_images(self, images: jax.Array, drawn: dict[str, Any]) -> jax.Array:
        for name, step in self.steps.items():
            images = step.transform_images(images, drawn[name])
        return images
