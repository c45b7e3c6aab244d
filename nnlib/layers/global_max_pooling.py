"""GlobalMaxPooling1D, GlobalMaxPooling2D, GlobalMaxPooling3D."""

from nnlib.layers.global_pooling import BaseGlobalPooling
from nnlib.ops.global_pooling import global_max_pool


class GlobalMaxPooling1D(BaseGlobalPooling):
    """The largest element over time, channel by channel.

    Args:
        data_format: "channels_last" or "channels_first"; None for the global setting.
        keepdims: whether the time axis stays, with size 1.

    Input shape:
        (batch, time, channels), or (batch, channels, time) for "channels_first".

    Output shape:
        (batch, channels); with keepdims the input's axes, time of 1.

    Raises:
        ShapeError: if the input has not 3 axes.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.GlobalMaxPooling1D()(jnp.ones((2, 4, 3))).shape
    (2, 3)
    """

    rank = 1
    pool = staticmethod(global_max_pool)


class GlobalMaxPooling2D(BaseGlobalPooling):
    """The largest element over height and width, channel by channel.

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
    >>> nn.layers.GlobalMaxPooling2D()(jnp.ones((2, 4, 4, 3))).shape
    (2, 3)
    """

    rank = 2
    pool = staticmethod(global_max_pool)


class GlobalMaxPooling3D(BaseGlobalPooling):
    """The largest element over depth, height and width, channel by channel.

    Args:
        data_format: "channels_last" or "channels_first"; None for the global setting.
        keepdims: whether they stay, with size 1.

    Input shape:
        (batch, depth, height, width, channels), or (batch, channels, depth, height, width) for
        "channels_first".

    Output shape:
        (batch, channels); with keepdims the input's axes, spatial sizes of 1.

    Raises:
        ShapeError: if the input has not 5 axes.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.GlobalMaxPooling3D()(jnp.ones((2, 4, 4, 4, 3))).shape
    (2, 3)
    """

    rank = 3
    pool = staticmethod(global_max_pool)


GlobalMaxPool1D, GlobalMaxPool2D = GlobalMaxPooling1D, GlobalMaxPooling2D
GlobalMaxPool3D = GlobalMaxPooling3D
