"""ActivityRegularization: a penalty on what passes by."""

from typing import Any

from nnlib.core.layer import Layer
from nnlib.regularizers import L1L2


class ActivityRegularization(Layer):
    """`x`; adds `l1 * sum(|x|) + l2 * sum(x^2)`, the mean over the rows of the batch, to the loss.

    Args:
        l1: factor of the absolute values, at least 0.
        l2: factor of the squares, at least 0.

    Input shape:
        Any.

    Output shape:
        The input's.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> layer = nn.layers.ActivityRegularization(l2=0.5)
    >>> float(layer.apply_full({}, {}, jnp.full((1, 2), 3.0)).penalty)
    9.0
    """

    supports_masking = True

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **kwargs: Any):
        penalty = L1L2(l1, l2)
        super().__init__(activity_regularizer=penalty, **kwargs)
        self.l1, self.l2 = penalty.l1, penalty.l2

    def call(self, x: Any) -> Any:
        return x
