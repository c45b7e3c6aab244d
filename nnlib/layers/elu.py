"""ELU: exponential below 0."""

from typing import Any

import jax

from nnlib.activations import elu
from nnlib.core.layer import Layer
from nnlib.layers.checks import number


class ELU(Layer):
    """`x` above 0, `alpha * (exp(x) - 1)` below.

    Args:
        alpha: minus the value that is approached far below 0.

    Input shape:
        Any.

    Output shape:
        The input's.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.ELU()(jnp.array([-100.0, 2.0])).tolist()
    [-1.0, 2.0]

    Source: Clevert et al., ICLR 2016.
    """

    supports_masking = True

    def __init__(self, alpha: float = 1.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.alpha = number("ELU", "alpha", alpha)

    def call(self, x: jax.Array) -> jax.Array:
        return elu(x, self.alpha)
