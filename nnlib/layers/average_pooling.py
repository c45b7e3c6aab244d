"""AveragePooling1D, AveragePooling2D, AveragePooling3D: the mean of each window."""

from nnlib.layers.pooling import BasePooling
from nnlib.ops.pooling import average_pool


class AveragePooling1D(BasePooling):
    """The mean of each window of a sequence, channel by channel; padding is not counted.

    `AveragePooling1D(pool_size=2, strides=None, padding="valid", data_format=None)`; the
    arguments are described at `AveragePooling1D.__init__`.

    Input shape:
        (batch, time, channels), or (batch, channels, time) for "channels_first".

    Output shape:
        (batch, new_time, channels), or (batch, channels, new_time).

    Raises:
        ShapeError: if the input has not 3 axes, or the window is larger than it.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.AveragePooling1D(2)(jnp.ones((2, 8, 3))).shape
    (2, 4, 3)
    """

    rank = 1
    pool = staticmethod(average_pool)


class AveragePooling2D(BasePooling):
    """The mean of each window of an image, channel by channel; padding is not counted.

    `AveragePooling2D(pool_size=2, strides=None, padding="valid", data_format=None)`; the
    arguments are described at `AveragePooling2D.__init__`.

    Input shape:
        (batch, height, width, channels), or (batch, channels, height, width) for "channels_first".

    Output shape:
        (batch, new_height, new_width, channels), or with the channels first.

    Raises:
        ShapeError: if the input has not 4 axes, or the window is larger than it.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.AveragePooling2D(2)(jnp.ones((2, 8, 8, 3))).shape
    (2, 4, 4, 3)
    """

    rank = 2
    pool = staticmethod(average_pool)


class AveragePooling3D(BasePooling):
    """The mean of each window of a volume, channel by channel; padding is not counted.

    `AveragePooling3D(pool_size=2, strides=None, padding="valid", data_format=None)`; the
    arguments are described at `AveragePooling3D.__init__`.

    Input shape:
        (batch, depth, height, width, channels), or (batch, channels, depth, height, width) for
        "channels_first".

    Output shape:
        (batch, new_depth, new_height, new_width, channels), or with the channels first.

    Raises:
        ShapeError: if the input has not 5 axes, or the window is larger than it.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.AveragePooling3D(2)(jnp.ones((2, 4, 4, 4, 3))).shape
    (2, 2, 2, 2, 3)
    """

    rank = 3
    pool = staticmethod(average_pool)


AvgPool1D, AvgPool2D, AvgPool3D = AveragePooling1D, AveragePooling2D, AveragePooling3D
