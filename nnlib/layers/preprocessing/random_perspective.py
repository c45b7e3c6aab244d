"""RandomPerspective: images seen at a slant."""

from typing import Any

import jax
import jax.numpy as jnp

from nnlib.layers.checks import fraction
from nnlib.layers.dropout import checked_seed
from nnlib.layers.preprocessing.arguments import checked_interpolation, factor_range, number
from nnlib.layers.preprocessing.draws import by_chance
from nnlib.layers.preprocessing.image_layer import ImageLayer
from nnlib.ops.affine_transform import perspective_transform


class RandomPerspective(ImageLayer):
    """The corners of some images moved at random while training, and all else along with them.

    Args:
        factor: the probability that an image is changed; itself drawn for each image from 0 to f
            for a number f, else from the first to the second of two numbers.
        scale: by how much corners move: coordinates are multiplied by 1 - scale / 2 to
            1 + scale / 2.
        interpolation: between pixels: "bilinear" or "nearest".
        fill_value: outside of the image.
        seed: an integer mixed into the key of the call; draws still differ from step to step.
        data_format: "channels_last" or "channels_first"; None for the global setting.

    Input shape:
        (batch, height, width, channels), or without the batch.

    Output shape:
        The input's.

    Raises:
        ShapeError: for other numbers of axes.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.RandomPerspective(scale=0.0)(jnp.ones((2, 2, 1))).ravel().round(4).tolist()
    [1.0, 1.0, 1.0, 1.0]

    Source: Hartley & Zisserman, "Multiple View Geometry in Computer Vision", section 4.1.
    """

    def __init__(
        self,
        factor: Any = 1.0,
        scale: float = 1.0,
        interpolation: str = "bilinear",
        fill_value: float = 0.0,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(data_format, **kwargs)
        own = "RandomPerspective"
        self.factor = factor_range(own, "factor", factor, 0, 1)
        self.scale = fraction(own, "scale", scale)
        self.interpolation = checked_interpolation(own, interpolation)
        self.fill_value = number(own, "fill_value", fill_value)
        self.seed = checked_seed(own, seed)

    def draw(self, key: Any, images: jax.Array) -> dict[str, Any]:
        for_choice, for_corners = jax.random.split(key)
        (count, height, width), reach = images.shape[:3], self.scale / 2
        right, bottom = (jnp.asarray(n - 1, "float32") for n in (width, height))
        x, y = jnp.stack([0 * right, right] * 2), jnp.stack([0 * bottom] * 2 + [bottom] * 2)
        corners = jnp.broadcast_to(jnp.stack([x, y], axis=-1)[None], (count, 4, 2))
        moved = jax.random.uniform(for_corners, (count, 4, 2), "float32", 1 - reach, 1 + reach)
        return {
            "apply_perspective": by_chance(for_choice, count, self.factor),
            "start_points": corners,
            "end_points": corners * moved,
        }

    def transform_images(self, images: jax.Array, drawn: dict[str, Any]) -> jax.Array:
        return self._moved(images, drawn, self.interpolation)

    def transform_segmentation_masks(self, masks: jax.Array, drawn: dict[str, Any]) -> jax.Array:
        return self._moved(masks, drawn, "nearest")

    def _moved(self, images: jax.Array, drawn: dict[str, Any], interpolation: str) -> jax.Array:
        moved = perspective_transform(
            images, drawn["start_points"], drawn["end_points"], interpolation, self.fill_value
        )
        return jnp.where(drawn["apply_perspective"][:, None, None, None], moved, images)
