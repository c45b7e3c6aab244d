"""GlobalAveragePooling1D, GlobalAveragePooling2D, GlobalAveragePooling3D."""

from typing import Any

import jax

from nnlib.core.errors import ShapeError
from nnlib.core.specs import concrete_dims
from nnlib.layers.checks import place_of
from nnlib.layers.global_pooling import BaseGlobalPooling
from nnlib.ops.convolution import spatial_axes
from nnlib.ops.global_pooling import global_average_pool


class GlobalAveragePooling1D(BaseGlobalPooling):
    """The mean over time, channel by channel.

    Args:
        data_format: "channels_last" or "channels_first"; None for the global setting.
        keepdims: whether the time axis stays, with size 1.

    Call arguments:
        mask: (batch, time), True for the steps to count; None for all. It comes by itself from a
            layer that makes one. A row without such a step gives zeros.

    Input shape:
        (batch, time, channels), or (batch, channels, time) for "channels_first".

    Output shape:
        (batch, channels); with keepdims the input's axes, time of 1.

    Raises:
        ShapeError: if the input has not 3 axes, or the mask is not (batch, time).

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.GlobalAveragePooling1D()(jnp.ones((2, 4, 3))).shape
    (2, 3)

    Source: Lin et al., "Network in network", ICLR 2014.
    """

    rank = 1
    pool = staticmethod(global_average_pool)
    supports_masking = True

    def call(self, x: jax.Array, mask: Any = None) -> jax.Array:
        if mask is not None:
            self._check_mask(concrete_dims(x.shape), concrete_dims(mask.shape))
        return global_average_pool(x, self.data_format, self.keepdims, mask)

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        """None: there is no time left to mask."""

    def _check_mask(self, shape: tuple[int | None, ...], mask: tuple[int | None, ...]) -> None:
        (time,) = spatial_axes(3, self.data_format)
        pairs = zip(mask, (shape[0], shape[time]), strict=False)
        if len(mask) != 2 or any(None not in pair and pair[0] != pair[1] for pair in pairs):
            raise ShapeError(
                f"{place_of(self)}: expected a mask of shape (batch, time), got {mask} for inputs "
                f"of shape {shape}."
            )


class GlobalAveragePooling2D(BaseGlobalPooling):
    """The mean over height and width, channel by channel.

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
    >>> nn.layers.GlobalAveragePooling2D()(jnp.ones((2, 4, 4, 3))).shape
    (2, 3)

    Source: Lin et al., "Network in network", ICLR 2014.
    """

    rank = 2
    pool = staticmethod(global_average_pool)


class GlobalAveragePooling3D(BaseGlobalPooling):
    """The mean over depth, height and width, channel by channel.

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
    >>> nn.layers.GlobalAveragePooling3D()(jnp.ones((2, 4, 4, 4, 3))).shape
    (2, 3)

    Source: Lin et al., "Network in network", ICLR 2014.
    """

    rank = 3
    pool = staticmethod(global_average_pool)


GlobalAvgPool1D, GlobalAvgPool2D = GlobalAveragePooling1D, GlobalAveragePooling2D
GlobalAvgPool3D = GlobalAveragePooling3D
