"""Identity: what comes in goes out."""

from typing import Any

from nnlib.core.layer import Layer


class Identity(Layer):
    """`x`, a placeholder for a layer that is not wanted.

    Input shape:
        Any.

    Output shape:
        The input's.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.Identity()(jnp.ones(2)).tolist()
    [1.0, 1.0]
    """

    supports_masking = True

    def call(self, x: Any) -> Any:
        return x
