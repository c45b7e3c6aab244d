"""Wrapper: a layer around another one."""

from typing import Any

from nnlib.core.errors import ArgumentError
from nnlib.core.layer import Layer


class Wrapper(Layer):
    """Base of layers that hold one other layer and change how it is called.

    Args:
        layer: the layer within.

    Input shape:
        What the layer takes.

    Output shape:
        What it returns: subclasses override `call`.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> class Twice(nn.layers.Wrapper):
    ...     def call(self, x):
    ...         return self.layer(self.layer(x))
    >>> Twice(nn.layers.LeakyReLU(0.5))(jnp.array([-8.0, 2.0])).tolist()
    [-2.0, 2.0]
    """

    def __init__(self, layer: Layer, **kwargs: Any):
        super().__init__(**kwargs)
        if not isinstance(layer, Layer):
            raise ArgumentError(
                f"{type(self).__name__}: expected layer to be a layer, got {layer!r}."
            )
        self.layer = layer

    def build(self, *inputs: Any) -> None:
        if inputs and not self.layer.built and not self.layer.children():
            self.layer.build(*inputs)  # those with layers within are built as they run

    def call(self, *inputs: Any, **kwargs: Any) -> Any:
        return self.layer(*inputs, **kwargs)
