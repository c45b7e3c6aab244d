"""Activation: an activation function as a layer of its own."""

from typing import Any

import jax

from nnlib.core.errors import ArgumentError
from nnlib.core.layer import Layer
from nnlib.layers.weight_arguments import resolved_activation


class Activation(Layer):
    """`activation(x)`.

    Args:
        activation: a name of `nnlib.activations`, or any function of an array.

    Input shape:
        Any.

    Output shape:
        The input's.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.Activation("relu")(jnp.array([-1.0, 2.0])).tolist()
    [0.0, 2.0]
    """

    supports_masking = True

    def __init__(self, activation: Any, **kwargs: Any):
        super().__init__(**kwargs)
        if activation is None:
            raise ArgumentError(
                "Activation: expected activation to be a name or a function, got None."
            )
        self.activation = resolved_activation(self, activation)

    def call(self, x: jax.Array) -> jax.Array:
        return self.activation(x)
