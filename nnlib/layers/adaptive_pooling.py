"""Adaptive pooling: the windows are made to fit a given output size."""

from collections.abc import Callable
from typing import Any, ClassVar

import jax

from nnlib.core.specs import InputSpec
from nnlib.layers.checks import int_tuple
from nnlib.layers.spatial import SpatialLayer
from nnlib.ops.adaptive_pooling import adaptive_average_pool, adaptive_max_pool


class BaseAdaptivePooling(SpatialLayer):
    """`output_size` windows, reduced by `pool`."""

    pool: ClassVar[Callable[..., jax.Array]]

    def __init__(self, output_size: Any, data_format: str | None = None, **kwargs: Any):
        super().__init__(data_format, **kwargs)
        self.output_size = int_tuple(type(self).__name__, "output_size", output_size, self.rank)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def call(self, x: jax.Array) -> jax.Array:
        return type(self).pool(x, self.output_size, self.data_format)


class AdaptiveAveragePooling1D(BaseAdaptivePooling):
    """The means of a given number of windows over a sequence.

    Window i of m spans `floor(i * size / m)` to `ceil((i + 1) * size / m)`.

    Args:
        output_size: the number of windows, an integer or a tuple of one.
        data_format: "channels_last" or "channels_first"; None for the global setting.

    Input shape:
        (batch, time, channels), or (batch, channels, time) for "channels_first".

    Output shape:
        (batch, output_size, channels), or (batch, channels, output_size).

    Raises:
        ShapeError: if the input has not 3 axes.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.AdaptiveAveragePooling1D(2)(jnp.ones((2, 5, 3))).shape
    (2, 2, 3)

    Source: He et al., "Spatial pyramid pooling in deep convolutional networks", ECCV 2014.
    """

    rank = 1
    pool = staticmethod(adaptive_average_pool)


class AdaptiveAveragePooling2D(BaseAdaptivePooling):
    """The means of a given number of windows over an image.

    Window i of m spans `floor(i * size / m)` to `ceil((i + 1) * size / m)`.

    Args:
        output_size: the number of windows along height and width, an integer for both or a pair.
        data_format: "channels_last" or "channels_first"; None for the global setting.

    Input shape:
        (batch, height, width, channels), or (batch, channels, height, width) for "channels_first".

    Output shape:
        (batch, *output_size, channels), or with the channels first.

    Raises:
        ShapeError: if the input has not 4 axes.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.AdaptiveAveragePooling2D(2)(jnp.ones((2, 5, 5, 3))).shape
    (2, 2, 2, 3)

    Source: He et al., "Spatial pyramid pooling in deep convolutional networks", ECCV 2014.
    """

    rank = 2
    pool = staticmethod(adaptive_average_pool)


class AdaptiveAveragePooling3D(BaseAdaptivePooling):
    """The means of a given number of windows over a volume.

    Window i of m spans `floor(i * size / m)` to `ceil((i + 1) * size / m)`.

    Args:
        output_size: the number of windows along depth, height and width, an integer or three.
        data_format: "channels_last" or "channels_first"; None for the global setting.

    Input shape:
        (batch, depth, height, width, channels), or (batch, channels, depth, height, width) for
        "channels_first".

    Output shape:
        (batch, *output_size, channels), or with the channels first.

    Raises:
        ShapeError: if the input has not 5 axes.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.AdaptiveAveragePooling3D(2)(jnp.ones((2, 5, 5, 5, 3))).shape
    (2, 2, 2, 2, 3)

    Source: He et al., "Spatial pyramid pooling in deep convolutional networks", ECCV 2014.
    """

    rank = 3
    pool = staticmethod(adaptive_average_pool)


class AdaptiveMaxPooling1D(BaseAdaptivePooling):
    """The largest elements of a given number of windows over a sequence.

    Window i of m spans `floor(i * size / m)` to `ceil((i + 1) * size / m)`.

    Args:
        output_size: the number of windows, an integer or a tuple of one.
        data_format: "channels_last" or "channels_first"; None for the global setting.

    Input shape:
        (batch, time, channels), or (batch, channels, time) for "channels_first".

    Output shape:
        (batch, output_size, channels), or (batch, channels, output_size).

    Raises:
        ShapeError: if the input has not 3 axes.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.AdaptiveMaxPooling1D(2)(jnp.ones((2, 5, 3))).shape
    (2, 2, 3)

    Source: He et al., "Spatial pyramid pooling in deep convolutional networks", ECCV 2014.
    """

    rank = 1
    pool = staticmethod(adaptive_max_pool)


class AdaptiveMaxPooling2D(BaseAdaptivePooling):
    """The largest elements of a given number of windows over an image.

    Window i of m spans `floor(i * size / m)` to `ceil((i + 1) * size / m)`.

    Args:
        output_size: the number of windows along height and width, an integer for both or a pair.
        data_format: "channels_last" or "channels_first"; None for the global setting.

    Input shape:
        (batch, height, width, channels), or (batch, channels, height, width) for "channels_first".

    Output shape:
        (batch, *output_size, channels), or with the channels first.

    Raises:
        ShapeError: if the input has not 4 axes.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.AdaptiveMaxPooling2D(2)(jnp.ones((2, 5, 5, 3))).shape
    (2, 2, 2, 3)

    Source: He et al., "Spatial pyramid pooling in deep convolutional networks", ECCV 2014.
    """

    rank = 2
    pool = staticmethod(adaptive_max_pool)


class AdaptiveMaxPooling3D(BaseAdaptivePooling):
    """The largest elements of a given number of windows over a volume.

    Window i of m spans `floor(i * size / m)` to `ceil((i + 1) * size / m)`.

    Args:
        output_size: the number of windows along depth, height and width, an integer or three.
        data_format: "channels_last" or "channels_first"; None for the global setting.

    Input shape:
        (batch, depth, height, width, channels), or (batch, channels, depth, height, width) for
        "channels_first".

    Output shape:
        (batch, *output_size, channels), or with the channels first.

    Raises:
        ShapeError: if the input has not 5 axes.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.AdaptiveMaxPooling3D(2)(jnp.ones((2, 5, 5, 5, 3))).shape
    (2, 2, 2, 2, 3)

    Source: He et al., "Spatial pyramid pooling in deep convolutional networks", ECCV 2014.
    """

    rank = 3
    pool = staticmethod(adaptive_max_pool)
