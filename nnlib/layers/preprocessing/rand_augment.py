"""RandAugment: a few of eleven changes, by chance."""

from typing import Any

import jax
import jax.numpy as jnp

from nnlib.layers.checks import positive_int
from nnlib.layers.dropout import checked_seed
from nnlib.layers.preprocessing.arguments import (
    Range,
    checked_interpolation,
    checked_value_range,
    factor_range,
)
from nnlib.layers.preprocessing.auto_contrast import AutoContrast
from nnlib.layers.preprocessing.equalization import Equalization
from nnlib.layers.preprocessing.image_layer import ImageLayer
from nnlib.layers.preprocessing.random_brightness import RandomBrightness
from nnlib.layers.preprocessing.random_color_degeneration import RandomColorDegeneration
from nnlib.layers.preprocessing.random_contrast import RandomContrast
from nnlib.layers.preprocessing.random_posterization import RandomPosterization
from nnlib.layers.preprocessing.random_rotation import RandomRotation
from nnlib.layers.preprocessing.random_sharpness import RandomSharpness
from nnlib.layers.preprocessing.random_shear import RandomShear
from nnlib.layers.preprocessing.random_translation import RandomTranslation
from nnlib.layers.preprocessing.solarization import Solarization


class RandAugment(ImageLayer):
    """`num_ops` changes one after the other while training, each drawn from eleven.

    They are RandomShear, RandomTranslation, RandomRotation, RandomBrightness,
    RandomColorDegeneration, RandomContrast, RandomSharpness, RandomPosterization, Solarization,
    AutoContrast and Equalization. All images of a batch go through the same ones, each with
    parameters of its own.

    Args:
        value_range: the smallest and the largest value of a pixel.
        num_ops: how many changes.
        factor: how strong they are, from 0 to 1: the factor of each of them. A number f draws from
            0 to f, two numbers from the first to the second.
        interpolation: between the pixels of images that are moved: "bilinear" or "nearest".
        seed: an integer mixed into the key of the call; draws still differ from step to step.
        data_format: "channels_last" or "channels_first"; None for the global setting.

    Input shape:
        (batch, height, width, 3), or without the batch.

    Output shape:
        The input's.

    Raises:
        ShapeError: for other numbers of axes or channels.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.RandAugment()(jnp.ones((2, 4, 4, 3))).shape
    (2, 4, 4, 3)

    Source: Cubuk et al., "RandAugment", CVPR Workshops 2020.
    """

    mixes_rows = True

    def __init__(
        self,
        value_range: Any = (0, 255),
        num_ops: int = 2,
        factor: Any = 0.5,
        interpolation: str = "bilinear",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(data_format, **kwargs)
        self.value_range = checked_value_range("RandAugment", value_range)
        self.num_ops = positive_int("RandAugment", "num_ops", num_ops)
        self.factor = factor_range("RandAugment", "factor", factor, 0, 1)
        self.interpolation = checked_interpolation("RandAugment", interpolation)
        self.seed = checked_seed("RandAugment", seed)
        self.steps = _steps(self.factor, self.value_range, interpolation, self.dtype_policy)

    def build(self, *inputs: Any) -> None:
        for step in self.steps.values():
            step.built = True  # they are used by their parts, never called

    def draw(self, key: Any, images: jax.Array) -> dict[str, Any]:
        for_choice, *keys = jax.random.split(key, len(self.steps) + 1)
        pairs = zip(self.steps.items(), keys, strict=True)
        return {
            "layer_idxes": jax.random.randint(for_choice, (self.num_ops,), 0, len(self.steps)),
            "transforms": {name: step.draw(key, images) for (name, step), key in pairs},
        }

    def transform_images(self, images: jax.Array, drawn: dict[str, Any]) -> jax.Array:
        return self._run("transform_images", images, drawn)

    def transform_segmentation_masks(self, masks: jax.Array, drawn: dict[str, Any]) -> jax.Array:
        return self._run("transform_segmentation_masks", masks, drawn)

    def _run(self, method: str, images: jax.Array, drawn: dict[str, Any]) -> jax.Array:
        """A loop over the choices, so that each change is compiled once."""

        def branch(name: str, step: ImageLayer) -> Any:
            change = getattr(step, method)
            return lambda x: change(x, drawn["transforms"][name]).astype(x.dtype)

        branches = [branch(name, step) for name, step in self.steps.items()]

        def body(x: jax.Array, number: jax.Array) -> tuple[jax.Array, None]:
            return jax.lax.switch(number, branches, x), None

        return jax.lax.scan(body, images, jnp.asarray(drawn["layer_idxes"]))[0]


def _steps(
    factor: Range, value_range: Range, interpolation: str, policy: Any
) -> dict[str, ImageLayer]:
    """The changes, in the order of Keras."""
    moves = {"interpolation": interpolation, "dtype": policy}
    colors = {"value_range": value_range, "dtype": policy}
    return {
        "random_shear": RandomShear(factor, factor, **moves),
        "random_translation": RandomTranslation(factor, factor, **moves),
        "random_rotation": RandomRotation(factor, **moves),
        "random_brightness": RandomBrightness(factor, **colors),
        "random_color_degeneration": RandomColorDegeneration(factor, **colors),
        "random_contrast": RandomContrast(factor, **colors),
        "random_sharpness": RandomSharpness(factor, **colors),
        "random_posterization": RandomPosterization(max(1, int(8 * factor[1])), **colors),
        "solarization": Solarization(factor, factor, **colors),
        "auto_contrast": AutoContrast(**colors),
        "equalization": Equalization(**colors),
    }
