"""RepeatVector: one vector for every step of a sequence."""

from typing import Any

import jax
import jax.numpy as jnp

from nnlib.core.layer import Layer
from nnlib.core.specs import InputSpec
from nnlib.layers.checks import positive_int


class RepeatVector(Layer):
    """`y[:, t] = x` for each of `n` steps.

    Args:
        n: the number of steps.

    Input shape:
        (batch, features).

    Output shape:
        (batch, n, features).

    Raises:
        ShapeError: if the input has not 2 axes.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.RepeatVector(3)(jnp.ones((2, 4))).shape
    (2, 3, 4)
    """

    def __init__(self, n: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.n = positive_int("RepeatVector", "n", n)
        self.input_spec = InputSpec(ndim=2)

    def call(self, x: jax.Array) -> jax.Array:
        batch, features = x.shape
        return jnp.broadcast_to(x[:, None, :], (batch, self.n, features))
