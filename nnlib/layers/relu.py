"""ReLU: rectified linear, with a bound and a slope if wanted."""

from typing import Any

import jax

from nnlib.activations import relu
from nnlib.core.errors import ArgumentError
from nnlib.core.layer import Layer


class ReLU(Layer):
    """`x` above `threshold`, `negative_slope * (x - threshold)` below, at most `max_value`.

    Args:
        max_value: the largest output, at least 0; None for no bound.
        negative_slope: of the part below the threshold, at least 0.
        threshold: where the two parts meet, at least 0.

    Input shape:
        Any.

    Output shape:
        The input's.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.ReLU(max_value=1.0)(jnp.array([-1.0, 0.5, 2.0])).tolist()
    [0.0, 0.5, 1.0]
    """

    supports_masking = True

    def __init__(
        self,
        max_value: float | None = None,
        negative_slope: float = 0.0,
        threshold: float = 0.0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        given = {"max_value": max_value, "negative_slope": negative_slope, "threshold": threshold}
        for name, value in given.items():
            optional = name == "max_value" and value is None
            if not optional and not (isinstance(value, int | float) and value >= 0):
                raise ArgumentError(f"ReLU: expected {name} of at least 0, got {value!r}.")
        self.max_value, self.negative_slope = max_value, float(negative_slope)
        self.threshold = float(threshold)

    def call(self, x: jax.Array) -> jax.Array:
        return relu(x, self.negative_slope, self.max_value, self.threshold)
