"""Flatten: one axis of features behind the batch."""

from typing import Any

import jax

from nnlib.core.specs import InputSpec
from nnlib.layers.spatial import SpatialLayer
from nnlib.ops.shaping import flatten


class Flatten(SpatialLayer):
    """All axes but the batch in one.

    Args:
        data_format: "channels_last" or "channels_first"; None for the global setting. With
            "channels_first" axis 1 goes to the end first, so that both give the same features.

    Input shape:
        (batch, ...).

    Output shape:
        (batch, features); (batch, 1) for inputs of shape (batch,).

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.Flatten()(jnp.ones((2, 4, 4, 3))).shape
    (2, 48)
    """

    def __init__(self, data_format: str | None = None, **kwargs: Any):
        super().__init__(data_format, **kwargs)
        self.input_spec = InputSpec(min_ndim=1)

    def call(self, x: jax.Array) -> jax.Array:
        return flatten(x, self.data_format == "channels_first")
