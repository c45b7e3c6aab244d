"""GlobalAveragePooling2D: an image becomes one number for each channel."""

from collections.abc import Callable
from typing import Any, ClassVar

import jax

from nnlib.core.specs import InputSpec
from nnlib.layers.spatial import SpatialLayer
from nnlib.ops.pooling import global_average_pool


class BaseGlobalPooling(SpatialLayer):
    """All spatial axes reduced by `pool`."""

    pool: ClassVar[Callable[..., jax.Array]]

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any):
        super().__init__(data_format, **kwargs)
        self.keepdims = bool(keepdims)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def call(self, x: jax.Array) -> jax.Array:
        return type(self).pool(x, self.data_format, self.keepdims)


class GlobalAveragePooling2D(BaseGlobalPooling):
    """The mean over height and width.

    Args:
        data_format: "channels_last" or "channels_first"; None for the global setting.
        keepdims: whether height and width stay, with size 1.

    Input shape:
        (batch, height, width, channels), or (batch, channels, height, width) for "channels_first".

    Output shape:
        (batch, channels); with keepdims the input's axes, height and width of 1.

    Raises:
        ShapeError: if the input has not 4 axes.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.GlobalAveragePooling2D()(jnp.ones((2, 8, 8, 3))).shape
    (2, 3)

    Source: Lin et al., "Network in network", ICLR 2014.
    """

    rank = 2
    pool = staticmethod(global_average_pool)


GlobalAvgPool2D = GlobalAveragePooling2D
