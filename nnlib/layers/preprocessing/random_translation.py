"""RandomTranslation: images shifted."""

from typing import Any

import jax
import jax.numpy as jnp

from nnlib.layers.preprocessing.arguments import bounded_range
from nnlib.layers.preprocessing.moving_layer import MovingLayer, matrix_of


class RandomTranslation(MovingLayer):
    """Each image shifted at random while training.

    Args:
        height_factor: in heights; positive shifts down. A number f draws from -f to f, two numbers
            from the first to the second.
        width_factor: in widths; positive shifts to the right.
        fill_mode: outside of the image: "reflect" (d c b a | a b c d | d c b a), "wrap"
            (a b c d | a b c d | a b c d), "constant" or "nearest" (a a a a | a b c d | d d d d).
        interpolation: between pixels: "bilinear" or "nearest".
        seed: an integer mixed into the key of the call; draws still differ from step to step.
        fill_value: for "constant".
        data_format: "channels_last" or "channels_first"; None for the global setting.

    Input shape:
        (batch, height, width, channels), or without the batch.

    Output shape:
        The input's.

    Raises:
        ShapeError: for other numbers of axes.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> shift = nn.layers.RandomTranslation(0, (0.25, 0.25), fill_mode="constant")
    >>> shift(jnp.array([[[1.0], [2.0], [3.0], [4.0]]])).ravel().tolist()
    [0.0, 1.0, 2.0, 3.0]
    """

    def __init__(
        self,
        height_factor: Any,
        width_factor: Any,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(fill_mode, interpolation, fill_value, seed, data_format, **kwargs)
        own = "RandomTranslation"
        self.height_factor = bounded_range(own, "height_factor", height_factor, -1, 1)
        self.width_factor = bounded_range(own, "width_factor", width_factor, -1, 1)

    def draw(self, key: Any, images: jax.Array) -> dict[str, Any]:
        low, high = zip(self.width_factor, self.height_factor, strict=True)
        share = jax.random.uniform(
            key, (images.shape[0], 2), "float32", jnp.array([low]), jnp.array([high])
        )
        width, height = (jnp.asarray(n, "float32") for n in (images.shape[2], images.shape[1]))
        return {"translations": share * jnp.stack([width, height])[None]}

    def matrix(self, drawn: dict[str, Any], height: Any, width: Any) -> jax.Array:
        right, down = drawn["translations"][:, 0], drawn["translations"][:, 1]
        return matrix_of((1, 0, -right), (0, 1, -down))
