"""MaxPooling1D, MaxPooling2D, MaxPooling3D: the maximum of each window."""

from nnlib.layers.pooling import BasePooling
from nnlib.ops.pooling import max_pool


class MaxPooling1D(BasePooling):
    """The largest element of each window of a sequence, channel by channel.

    `MaxPooling1D(pool_size=2, strides=None, padding="valid", data_format=None)`; the
    arguments are described at `MaxPooling1D.__init__`.

    Input shape:
        (batch, time, channels), or (batch, channels, time) for "channels_first".

    Output shape:
        (batch, new_time, channels), or (batch, channels, new_time).

    Raises:
        ShapeError: if the input has not 3 axes, or the window is larger than it.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.MaxPooling1D()(jnp.ones((2, 8, 3))).shape
    (2, 4, 3)
    """

    rank = 1
    pool = staticmethod(max_pool)


class MaxPooling2D(BasePooling):
    """The largest element of each window of an image, channel by channel.

    `MaxPooling2D(pool_size=2, strides=None, padding="valid", data_format=None)`; the
    arguments are described at `MaxPooling2D.__init__`.

    Input shape:
        (batch, height, width, channels), or (batch, channels, height, width) for "channels_first".

    Output shape:
        (batch, new_height, new_width, channels), or with the channels first.

    Raises:
        ShapeError: if the input has not 4 axes, or the window is larger than it.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.MaxPooling2D()(jnp.ones((2, 8, 8, 3))).shape
    (2, 4, 4, 3)
    """

    rank = 2
    pool = staticmethod(max_pool)


class MaxPooling3D(BasePooling):
    """The largest element of each window of a volume, channel by channel.

    `MaxPooling3D(pool_size=2, strides=None, padding="valid", data_format=None)`; the
    arguments are described at `MaxPooling3D.__init__`.

    Input shape:
        (batch, depth, height, width, channels), or (batch, channels, depth, height, width) for
        "channels_first".

    Output shape:
        (batch, new_depth, new_height, new_width, channels), or with the channels first.

    Raises:
        ShapeError: if the input has not 5 axes, or the window is larger than it.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.MaxPooling3D()(jnp.ones((2, 4, 4, 4, 3))).shape
    (2, 2, 2, 2, 3)
    """

    rank = 3
    pool = staticmethod(max_pool)


MaxPool1D, MaxPool2D, MaxPool3D = MaxPooling1D, MaxPooling2D, MaxPooling3D
