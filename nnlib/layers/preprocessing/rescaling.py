"""Rescaling: a factor and an offset."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from nnlib.core import settings
from nnlib.core.errors import ArgumentError, ShapeError
from nnlib.core.layer import Layer
from nnlib.core.specs import concrete_dims
from nnlib.layers.checks import place_of


class Rescaling(Layer):
    """`y = scale * x + offset`, integers as floats.

    Args:
        scale: a number, or one for each channel: `1 / 255` for pixels from 0 to 1.
        offset: likewise.

    Input shape:
        Any.

    Output shape:
        The input's.

    Raises:
        ShapeError: if the input does not end with the axes of `scale` and `offset`.

    >>> import nnlib as nn, numpy as np
    >>> nn.layers.Rescaling(1 / 127.5, offset=-1)(np.array([0, 255], "uint8")).tolist()
    [-1.0, 1.0]
    """

    supports_masking = True

    def __init__(self, scale: Any, offset: Any = 0.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.scale = _numbers("scale", scale)
        self.offset = _numbers("offset", offset)

    def call(self, x: jax.Array) -> jax.Array:
        x = x.astype(self.compute_dtype)
        return x * self._along_channels(x, self.scale) + self._along_channels(x, self.offset)

    def _along_channels(self, x: jax.Array, values: Any) -> jax.Array:
        array = jnp.asarray(values, x.dtype)
        if array.ndim and settings.image_data_format() == "channels_first":
            array = jnp.reshape(array, array.shape + (1,) * (3 - array.ndim))
        pairs = zip(array.shape[::-1], concrete_dims(x.shape)[::-1], strict=False)
        if array.ndim > x.ndim or any(a != 1 and b not in (1, a, None) for a, b in pairs):
            raise ShapeError(
                f"{place_of(self)}: expected inputs that end with the axes of its scale and "
                f"offset, {array.shape}, got shape {concrete_dims(x.shape)}."
            )
        return jnp.reshape(array, (1,) * (x.ndim - array.ndim) + array.shape)

    def get_config(self) -> dict[str, Any]:
        """The arguments of `__init__`, arrays as lists."""
        return super().get_config() | {"scale": self.scale, "offset": self.offset}


def _numbers(name: str, value: Any) -> Any:
    """A number, or nested lists of numbers."""
    array = np.asarray(value)
    if array.dtype.kind not in "iuf":
        raise ArgumentError(
            f"Rescaling: expected {name} to be a number or an array of them, got {value!r}."
        )
    return array.tolist()
