"""RandomPosterization: colours of fewer bits."""

from typing import Any

import jax
import jax.numpy as jnp

from nnlib.core.errors import ArgumentError
from nnlib.layers.preprocessing.color_layer import ColorLayer
from nnlib.ops.color import shift_range


class RandomPosterization(ColorLayer):
    """Each value cut off to its first bits of eight, while training.

    Args:
        factor: how many bits, from 1 to 8. A number f draws from 1 to f - 1 for each image, two
            different numbers from the first to one below the second; (f, f) is f.
        value_range: the smallest and the largest value of a pixel.
        data_format: "channels_last" or "channels_first"; None for the global setting.
        seed: an integer mixed into the key of the call; draws still differ from step to step.

    Input shape:
        (batch, height, width, channels), or without the batch.

    Output shape:
        The input's.

    Raises:
        ShapeError: for other numbers of axes.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.RandomPosterization((2, 2))(jnp.array([[[70.0], [200.0]]])).ravel().tolist()
    [64.0, 192.0]
    """

    bounds = (1, 8)

    def __init__(
        self,
        factor: Any,
        value_range: Any = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(factor, value_range, data_format, seed, **kwargs)
        low, high = self.factor
        if low % 1 or high % 1 or low < 1 or high > 8:
            raise ArgumentError(
                f"RandomPosterization: expected factor to be whole numbers from 1 to 8, got "
                f"{factor!r}."
            )

    def draw(self, key: Any, images: jax.Array) -> dict[str, Any]:
        low, high = map(int, self.factor)
        bits = jax.random.randint(key, (images.shape[0],), low, max(high, low + 1))
        return {"shift_factor": 8 - bits}

    def transform_images(self, images: jax.Array, drawn: dict[str, Any]) -> jax.Array:
        shift = drawn["shift_factor"].astype("uint8")[:, None, None, None]
        values = jnp.clip(shift_range(images, self.value_range, (0, 255)), 0, 255)
        kept = jnp.left_shift(jnp.right_shift(values.astype("uint8"), shift), shift)
        return shift_range(kept.astype(values.dtype), (0, 255), self.value_range)
