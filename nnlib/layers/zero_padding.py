"""ZeroPadding1D, ZeroPadding2D, ZeroPadding3D."""

from typing import Any

import jax

from nnlib.core.specs import InputSpec
from nnlib.layers.spatial import SpatialLayer, border_pairs
from nnlib.ops.borders import zero_pad


class BaseZeroPadding(SpatialLayer):
    """Zeros around any number of spatial axes."""

    def __init__(self, padding: Any, data_format: str | None, **kwargs: Any):
        super().__init__(data_format, **kwargs)
        self.padding = border_pairs(type(self).__name__, "padding", padding, self.rank)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def call(self, x: jax.Array) -> jax.Array:
        return zero_pad(x, self.padding, self.data_format)


class ZeroPadding1D(BaseZeroPadding):
    """Zeros before and after a sequence.

    Args:
        padding: zeros to add: one integer for both ends, or (front, end).
        data_format: "channels_last" or "channels_first"; None for the global setting.

    Input shape:
        (batch, time, channels), or (batch, channels, time) for "channels_first".

    Output shape:
        (batch, new_time, channels), or (batch, channels, new_time).

    Raises:
        ShapeError: if the input has not 3 axes.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.ZeroPadding1D((1, 0))(jnp.ones((2, 4, 3))).shape
    (2, 5, 3)
    """

    rank = 1

    def __init__(self, padding: Any = 1, data_format: str | None = None, **kwargs: Any):
        super().__init__(padding, data_format, **kwargs)


class ZeroPadding2D(BaseZeroPadding):
    """A frame of zeros around an image.

    Args:
        padding: zeros to add at both ends: an integer for all, (height, width), or
            ((top, bottom), (left, right)).
        data_format: "channels_last" or "channels_first"; None for the global setting.

    Input shape:
        (batch, height, width, channels), or (batch, channels, height, width) for "channels_first".

    Output shape:
        (batch, new_height, new_width, channels), or with the channels first.

    Raises:
        ShapeError: if the input has not 4 axes.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.ZeroPadding2D(((1, 0), (2, 2)))(jnp.ones((2, 4, 4, 3))).shape
    (2, 5, 8, 3)
    """

    rank = 2

    def __init__(self, padding: Any = (1, 1), data_format: str | None = None, **kwargs: Any):
        super().__init__(padding, data_format, **kwargs)


class ZeroPadding3D(BaseZeroPadding):
    """Zeros on all sides of a volume.

    Args:
        padding: zeros to add at both ends: an integer for all, one for each axis, or
            three pairs (front, end).
        data_format: "channels_last" or "channels_first"; None for the global setting.

    Input shape:
        (batch, depth, height, width, channels), or (batch, channels, depth, height, width) for
        "channels_first".

    Output shape:
        (batch, new_depth, new_height, new_width, channels), or with the channels first.

    Raises:
        ShapeError: if the input has not 5 axes.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.ZeroPadding3D(1)(jnp.ones((2, 4, 4, 4, 3))).shape
    (2, 6, 6, 6, 3)
    """

    rank = 3

    def __init__(
        self, padding: Any = ((1, 1), (1, 1), (1, 1)), data_format: str | None = None, **kwargs: Any
    ):
        super().__init__(padding, data_format, **kwargs)
