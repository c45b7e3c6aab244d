"""What pooling layers share: one number for each window."""

from collections.abc import Callable
from typing import Any, ClassVar

import jax

from nnlib.core.specs import InputSpec
from nnlib.layers.checks import int_tuple
from nnlib.layers.spatial import SpatialLayer, checked_padding


class BasePooling(SpatialLayer):
    """Windows over any number of spatial axes, reduced by `pool`."""

    pool: ClassVar[Callable[..., jax.Array]]

    def __init__(
        self,
        pool_size: Any = 2,
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        **kwargs: Any,
    ):
        """Configure the layer.

        Args:
            pool_size: of the window, one number or one for each spatial axis.
            strides: steps of the window; `pool_size` if None.
            padding: "valid" (none) or "same" (output of size ceil(input / stride)).
            data_format: "channels_last" or "channels_first"; None for the global setting.
            kwargs: name, trainable, dtype.
        """
        super().__init__(data_format, **kwargs)
        own = type(self).__name__
        self.pool_size = int_tuple(own, "pool_size", pool_size, self.rank)
        strides = pool_size if strides is None else strides
        self.strides = int_tuple(own, "strides", strides, self.rank)
        self.padding = checked_padding(own, padding)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def call(self, x: jax.Array) -> jax.Array:
        if self.padding == "valid":
            self.check_windows(x.shape, self.pool_size)
        pool = type(self).pool
        return pool(x, self.pool_size, self.strides, self.padding, self.data_format)
