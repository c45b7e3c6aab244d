"""Cropping1D, Cropping2D, Cropping3D."""

from typing import Any

import jax

from nnlib.core.errors import ShapeError
from nnlib.core.specs import InputSpec, concrete_dims
from nnlib.layers.checks import place_of
from nnlib.layers.spatial import SpatialLayer, border_pairs
from nnlib.ops.borders import crop
from nnlib.ops.convolution import spatial_axes


class BaseCropping(SpatialLayer):
    """The ends of any number of spatial axes cut off."""

    def __init__(self, cropping: Any, data_format: str | None, **kwargs: Any):
        super().__init__(data_format, **kwargs)
        self.cropping = border_pairs(type(self).__name__, "cropping", cropping, self.rank)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def call(self, x: jax.Array) -> jax.Array:
        self._check_size(concrete_dims(x.shape))
        return crop(x, self.cropping, self.data_format)

    def _check_size(self, shape: tuple[int | None, ...]) -> None:
        sizes = [shape[axis] for axis in spatial_axes(len(shape), self.data_format)]
        pairs = zip(sizes, self.cropping, strict=True)
        if any(size is not None and sum(pair) >= size for size, pair in pairs):
            raise ShapeError(
                f"{place_of(self)}: expected inputs larger than what is cut off, "
                f"cropping={self.cropping}, got shape {shape}."
            )


class Cropping1D(BaseCropping):
    """Steps cut off at both ends of a sequence.

    Args:
        cropping: elements to cut off: one integer for both ends, or (front, end).

    Input shape:
        (batch, time, channels).

    Output shape:
        (batch, new_time, channels).

    Raises:
        ShapeError: if the input has not 3 axes, or nothing would be left.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.Cropping1D((1, 0))(jnp.ones((2, 4, 3))).shape
    (2, 3, 3)
    """

    rank = 1

    def __init__(self, cropping: Any = (1, 1), **kwargs: Any):
        super().__init__(cropping, "channels_last", **kwargs)


class Cropping2D(BaseCropping):
    """The rim of an image cut off.

    Args:
        cropping: elements to cut off at both ends: an integer for all, (height, width), or
            ((top, bottom), (left, right)).
        data_format: "channels_last" or "channels_first"; None for the global setting.

    Input shape:
        (batch, height, width, channels), or (batch, channels, height, width) for "channels_first".

    Output shape:
        (batch, new_height, new_width, channels), or with the channels first.

    Raises:
        ShapeError: if the input has not 4 axes, or nothing would be left.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.Cropping2D(((1, 0), (2, 1)))(jnp.ones((2, 4, 4, 3))).shape
    (2, 3, 1, 3)
    """

    rank = 2

    def __init__(
        self, cropping: Any = ((0, 0), (0, 0)), data_format: str | None = None, **kwargs: Any
    ):
        super().__init__(cropping, data_format, **kwargs)


class Cropping3D(BaseCropping):
    """The sides of a volume cut off.

    Args:
        cropping: elements to cut off at both ends: an integer for all, one for each axis, or
            three pairs (front, end).
        data_format: "channels_last" or "channels_first"; None for the global setting.

    Input shape:
        (batch, depth, height, width, channels), or (batch, channels, depth, height, width) for
        "channels_first".

    Output shape:
        (batch, new_depth, new_height, new_width, channels), or with the channels first.

    Raises:
        ShapeError: if the input has not 5 axes, or nothing would be left.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.Cropping3D(1)(jnp.ones((2, 4, 4, 4, 3))).shape
    (2, 2, 2, 2, 3)
    """

    rank = 3

    def __init__(
        self,
        cropping: Any = ((1, 1), (1, 1), (1, 1)),
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(cropping, data_format, **kwargs)
