"""The base of layers that move the pixels of an image."""

from typing import Any

import jax
import jax.numpy as jnp

from nnlib.layers.dropout import checked_seed
from nnlib.layers.preprocessing.arguments import (
    checked_fill_mode,
    checked_interpolation,
    number,
)
from nnlib.layers.preprocessing.image_layer import ImageLayer
from nnlib.ops.affine_transform import affine_transform


class MovingLayer(ImageLayer):
    """Images moved by an affine map; segmentation masks along with them, to nearest pixels."""

    def __init__(
        self,
        fill_mode: str,
        interpolation: str,
        fill_value: float,
        seed: int | None,
        data_format: str | None,
        **kwargs: Any,
    ):
        super().__init__(data_format, **kwargs)
        own = type(self).__name__
        self.fill_mode = checked_fill_mode(own, fill_mode)
        self.interpolation = checked_interpolation(own, interpolation)
        self.fill_value = number(own, "fill_value", fill_value)
        self.seed = checked_seed(own, seed)

    def matrix(self, drawn: dict[str, Any], height: Any, width: Any) -> jax.Array:
        """(batch, 2, 3): where in the input the pixels (x, y, 1) of the output come from."""
        raise NotImplementedError(f"{type(self).__name__}: expected a matrix, got none.")

    def transform_images(self, images: jax.Array, drawn: dict[str, Any]) -> jax.Array:
        return self.move(images, drawn, self.interpolation)

    def transform_segmentation_masks(self, masks: jax.Array, drawn: dict[str, Any]) -> jax.Array:
        return self.move(masks, drawn, "nearest")

    def move(self, images: jax.Array, drawn: dict[str, Any], interpolation: str) -> jax.Array:
        """The images, moved."""
        matrix = self.matrix(drawn, *images.shape[1:3])
        return affine_transform(images, matrix, interpolation, self.fill_mode, self.fill_value)


def matrix_of(x: tuple[Any, Any, Any], y: tuple[Any, Any, Any]) -> jax.Array:
    """(batch, 2, 3) from the rows for x and y, whose entries are (batch,) or numbers."""
    entries = jnp.stack(jnp.broadcast_arrays(*map(jnp.asarray, (*x, *y))), axis=-1)
    return jnp.reshape(entries.astype("float32"), (*entries.shape[:-1], 2, 3))


def middle(size: Any) -> jax.Array:
    """The place of the middle of `size` pixels; the size may be symbolic."""
    return jnp.asarray(size - 1, "float32") / 2
