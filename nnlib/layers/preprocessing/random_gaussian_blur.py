"""RandomGaussianBlur: images out of focus."""

from typing import Any

import jax
import jax.numpy as jnp

from nnlib.core.errors import ArgumentError
from nnlib.layers.checks import int_tuple
from nnlib.layers.preprocessing.arguments import factor_range
from nnlib.layers.preprocessing.color_layer import ColorLayer
from nnlib.layers.preprocessing.draws import by_chance, uniform
from nnlib.ops.gaussian_blur import gaussian_blur


class RandomGaussianBlur(ColorLayer):
    """Some images blurred by a Gauss bell while training, zeros beyond the edge.

    Args:
        factor: the probability that an image is changed; itself drawn for each image from 0 to f
            for a number f, else from the first to the second of two numbers.
        kernel_size: of the bell, odd; one number, or width and height.
        sigma: its deviations, in pixels, drawn once for the batch and each axis: from 0 to s for a
            number s from 0 to 1, else from the first to the second of two numbers.
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
    >>> blur = nn.layers.RandomGaussianBlur((1.0, 1.0), sigma=(1.0, 1.0))
    >>> blur(jnp.zeros((3, 3, 1)).at[1, 1].set(1.0))[1, :, 0].round(3).tolist()
    [0.124..., 0.204..., 0.124...]
    """

    def __init__(
        self,
        factor: Any = 1.0,
        kernel_size: Any = 3,
        sigma: Any = 1.0,
        value_range: Any = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(factor, value_range, data_format, seed, **kwargs)
        own = "RandomGaussianBlur"
        self.kernel_size = int_tuple(own, "kernel_size", kernel_size, 2)
        if not all(size % 2 for size in self.kernel_size):
            raise ArgumentError(f"{own}: expected kernel_size to be odd, got {kernel_size!r}.")
        self.sigma = factor_range(own, "sigma", sigma, 0, 1)

    def draw(self, key: Any, images: jax.Array) -> dict[str, Any]:
        for_choice, for_sigma = jax.random.split(key)
        return {
            "should_apply_blur": by_chance(for_choice, images.shape[0], self.factor),
            "blur_factor": uniform(for_sigma, (2,), self.sigma) + 1e-6,
        }

    def transform_images(self, images: jax.Array, drawn: dict[str, Any]) -> jax.Array:
        blurred = gaussian_blur(images, self.kernel_size, drawn["blur_factor"])
        chosen = drawn["should_apply_blur"][:, None, None, None]
        return jnp.clip(jnp.where(chosen, blurred, images), *self.value_range)
