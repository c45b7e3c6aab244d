"""LeakyReLU: a small slope below 0."""

from typing import Any

import jax

from nnlib.activations import leaky_relu
from nnlib.core.layer import Layer
from nnlib.layers.checks import number


class LeakyReLU(Layer):
    """`x` above 0, `negative_slope * x` below.

    Args:
        negative_slope: at least 0.

    Input shape:
        Any.

    Output shape:
        The input's.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.LeakyReLU(0.5)(jnp.array([-2.0, 2.0])).tolist()
    [-1.0, 2.0]

    Source: Maas et al., ICML 2013.
    """

    supports_masking = True

    def __init__(self, negative_slope: float = 0.3, **kwargs: Any):
        super().__init__(**kwargs)
        self.negative_slope = number("LeakyReLU", "negative_slope", negative_slope, least=0)

    def call(self, x: jax.Array) -> jax.Array:
        return leaky_relu(x, self.negative_slope)
