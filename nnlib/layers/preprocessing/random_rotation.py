"""RandomRotation: images turned about their middle."""

from typing import Any

import jax
import jax.numpy as jnp

from nnlib.layers.preprocessing.arguments import factor_range
from nnlib.layers.preprocessing.moving_layer import MovingLayer, matrix_of, middle


class RandomRotation(MovingLayer):
    """Each image turned about its middle by a random angle while training.

    Args:
        factor: in turns; positive turns against the clock. A number f draws from -f to f, two
            numbers from the first to the second: 0.5 for up to half a turn to either side.
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
    >>> turn = nn.layers.RandomRotation((0.25, 0.25))
    >>> turn(jnp.array([[1.0, 2.0], [3.0, 4.0]])[..., None])[..., 0].round().tolist()
    [[2.0, 4.0], [1.0, 3.0]]
    """

    def __init__(
        self,
        factor: Any,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(fill_mode, interpolation, fill_value, seed, data_format, **kwargs)
        self.factor = factor_range("RandomRotation", "factor", factor, -1, 1)

    def draw(self, key: Any, images: jax.Array) -> dict[str, Any]:
        low, high = self.factor
        angle = jax.random.uniform(key, (images.shape[0],), "float32", low * 360, high * 360)
        return {"angle": angle}

    def matrix(self, drawn: dict[str, Any], height: Any, width: Any) -> jax.Array:
        x, y, angle = middle(width), middle(height), drawn["angle"] * (jnp.pi / 180)
        cos, sin = jnp.cos(angle), jnp.sin(angle)
        return matrix_of((cos, -sin, x - x * cos + y * sin), (sin, cos, y - x * sin - y * cos))
