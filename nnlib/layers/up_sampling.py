"""UpSampling1D, UpSampling2D, UpSampling3D."""

from typing import Any

import jax

from nnlib.core.specs import InputSpec
from nnlib.layers.checks import int_tuple, one_of, positive_int
from nnlib.layers.spatial import SpatialLayer
from nnlib.ops.upsampling import upsample

INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5")


class BaseUpSampling(SpatialLayer):
    """Any number of spatial axes made longer."""

    size: Any
    interpolation = "nearest"

    def __init__(self, size: Any, data_format: str | None, **kwargs: Any):
        super().__init__(data_format, **kwargs)
        self.size = int_tuple(type(self).__name__, "size", size, self.rank)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def call(self, x: jax.Array) -> jax.Array:
        return upsample(x, self.size, self.data_format, self.interpolation)


class UpSampling1D(BaseUpSampling):
    """Each step of a sequence repeated.

    Args:
        size: how many times each step is repeated.

    Input shape:
        (batch, time, channels).

    Output shape:
        (batch, time * size, channels).

    Raises:
        ShapeError: if the input has not 3 axes.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.UpSampling1D()(jnp.ones((2, 4, 3))).shape
    (2, 8, 3)
    """

    rank = 1

    def __init__(self, size: int = 2, **kwargs: Any):
        super().__init__(size, "channels_last", **kwargs)
        self.size = positive_int("UpSampling1D", "size", size)


class UpSampling2D(BaseUpSampling):
    """An image made larger by whole factors.

    Args:
        size: the factors of height and width, an integer for both or a pair.
        data_format: "channels_last" or "channels_first"; None for the global setting.
        interpolation: "nearest" (pixels repeated), "bilinear", "bicubic", "lanczos3" or "lanczos5".

    Input shape:
        (batch, height, width, channels), or (batch, channels, height, width) for "channels_first".

    Output shape:
        (batch, height * size[0], width * size[1], channels), or with the channels first.

    Raises:
        ShapeError: if the input has not 4 axes.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.UpSampling2D()(jnp.ones((2, 4, 4, 3))).shape
    (2, 8, 8, 3)
    """

    rank = 2

    def __init__(
        self,
        size: Any = 2,
        data_format: str | None = None,
        interpolation: str = "nearest",
        **kwargs: Any,
    ):
        super().__init__(size, data_format, **kwargs)
        name = interpolation.lower() if isinstance(interpolation, str) else interpolation
        self.interpolation = one_of("UpSampling2D", "interpolation", name, INTERPOLATIONS)


class UpSampling3D(BaseUpSampling):
    """Each element of a volume repeated along all three axes.

    Args:
        size: the factors of depth, height and width, an integer for all or three.
        data_format: "channels_last" or "channels_first"; None for the global setting.

    Input shape:
        (batch, depth, height, width, channels), or (batch, channels, depth, height, width) for
        "channels_first".

    Output shape:
        (batch, new_depth, new_height, new_width, channels), or with the channels first.

    Raises:
        ShapeError: if the input has not 5 axes.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.UpSampling3D()(jnp.ones((2, 4, 4, 4, 3))).shape
    (2, 8, 8, 8, 3)
    """

    rank = 3

    def __init__(self, size: Any = 2, data_format: str | None = None, **kwargs: Any):
        super().__init__(size, data_format, **kwargs)
