"""What global pooling layers share: one number for each channel."""

from collections.abc import Callable
from typing import Any, ClassVar

import jax

from nnlib.core.specs import InputSpec
from nnlib.layers.spatial import SpatialLayer


class BaseGlobalPooling(SpatialLayer):
    """All spatial axes reduced by `pool`."""

    pool: ClassVar[Callable[..., jax.Array]]

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any):
        super().__init__(data_format, **kwargs)
        self.keepdims = bool(keepdims)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def call(self, x: jax.Array) -> jax.Array:
        return type(self).pool(x, self.data_format, self.keepdims)
