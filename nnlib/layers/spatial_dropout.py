"""SpatialDropout1D, 2D, 3D: whole channels dropped."""

from typing import Any

import jax

from nnlib.core.specs import InputSpec
from nnlib.layers.dropout import Dropout
from nnlib.layers.spatial import checked_data_format


class SpatialDropout(Dropout):
    """Base: one draw for each row and channel, shared by all `rank` spatial axes."""

    rank: int
    data_format: str = "channels_last"

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any):
        super().__init__(rate, None, seed, **kwargs)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def noise_dims(self, x: jax.Array) -> tuple[Any, ...]:
        """1 on the spatial axes."""
        kept = (0, 1) if self.data_format == "channels_first" else (0, x.ndim - 1)
        return tuple(size if axis in kept else 1 for axis, size in enumerate(x.shape))


class SpatialDropout1D(SpatialDropout):
    """As Dropout, but a channel is dropped in all time steps of a row or in none.

    Args:
        rate: the probability of a drop, from 0 to 1.
        seed: an integer mixed into the key of the call; draws still differ from step to step.

    Input shape:
        (batch, time, channels).

    Output shape:
        The input's.

    Raises:
        RandomKeyError: while training without a key (`apply(..., rng=jax.random.key(0))`).

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.SpatialDropout1D(0.5)(jnp.ones((1, 2, 1))).tolist()
    [[[1.0], [1.0]]]

    Source: Tompson et al., CVPR 2015.
    """

    rank = 1


class SpatialDropout2D(SpatialDropout):
    """As Dropout, but a channel is dropped on the whole image or not at all.

    Args:
        rate: the probability of a drop, from 0 to 1.
        data_format: "channels_last" or "channels_first"; None for the global setting.
        seed: an integer mixed into the key of the call; draws still differ from step to step.

    Input shape:
        (batch, height, width, channels), or (batch, channels, height, width).

    Output shape:
        The input's.

    Raises:
        RandomKeyError: while training without a key (`apply(..., rng=jax.random.key(0))`).

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.SpatialDropout2D(0.5)(jnp.ones((1, 1, 1, 2))).tolist()
    [[[[1.0, 1.0]]]]

    Source: Tompson et al., CVPR 2015.
    """

    rank = 2

    def __init__(
        self, rate: float, data_format: str | None = None, seed: int | None = None, **kwargs: Any
    ):
        super().__init__(rate, seed, **kwargs)
        self.data_format = checked_data_format(type(self).__name__, data_format)

    def get_config(self) -> dict[str, Any]:
        """The arguments of `__init__`, with the data format spelled out."""
        return super().get_config() | {"data_format": self.data_format}


class SpatialDropout3D(SpatialDropout2D):
    """As Dropout, but a channel is dropped in the whole volume or not at all.

    Arguments are those of SpatialDropout2D.

    Input shape:
        (batch, depth, height, width, channels), or (batch, channels, depth, height, width).

    Output shape:
        The input's.

    Raises:
        RandomKeyError: while training without a key (`apply(..., rng=jax.random.key(0))`).

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.SpatialDropout3D(0.5)(jnp.ones((1, 1, 1, 1, 2))).shape
    (1, 1, 1, 1, 2)

    Source: Tompson et al., CVPR 2015.
    """

    rank = 3
