"""Pipeline: preprocessing layers, one after the other."""

from collections.abc import Sequence
from typing import Any

from nnlib.core.errors import ArgumentError
from nnlib.core.layer import Layer
from nnlib.core.masks import set_masks


class Pipeline(Layer):
    """Layers in a row, as one layer; made for preprocessing and augmentation of data.

    Called by itself it augments, as the layers for augmentation do; within a model they follow the
    model's `training`.

    Args:
        layers: a list of layers.
        name: of the layer.

    Call arguments:
        mask: of the first layer's input.

    Input shape:
        What the first layer takes.

    Output shape:
        What the last one returns.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> steps = [nn.layers.Flatten(), nn.layers.ReLU()]
    >>> nn.layers.Pipeline(steps)(jnp.array([[[-1.0], [2.0]]])).tolist()
    [[0.0, 2.0]]
    """

    def __init__(self, layers: Sequence[Layer], name: str | None = None):
        super().__init__(name=name)
        if not isinstance(layers, list | tuple):
            raise ArgumentError(f"Pipeline: expected layers to be a list, got {layers!r}.")
        for layer in layers:
            if not isinstance(layer, Layer):
                raise ArgumentError(f"Pipeline: expected a list of layers, got {layer!r} in it.")
        self.layers = list(layers)

    def call(self, inputs: Any, training: bool = True, mask: Any = None) -> Any:
        set_masks(inputs, mask)
        for layer in self.layers:
            inputs = layer(inputs, training=training)
        return inputs

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        """None: the layers within have given the output its mask already."""
