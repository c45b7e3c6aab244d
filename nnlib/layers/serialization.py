"""Layers as plain data, and back."""

from collections.abc import Mapping
from typing import Any

from nnlib.core import config_capture
from nnlib.core.custom_objects import custom_object_scope
from nnlib.core.errors import ArgumentError
from nnlib.core.layer import Layer


def serialize(layer: Layer) -> dict[str, Any]:
    """`{"module": ..., "class_name": ..., "config": ...}`, from which `deserialize` makes a twin.

    Raises:
        ArgumentError: for what is not a layer.

    >>> import nnlib as nn
    >>> nn.layers.serialize(nn.layers.ReLU(name="r"))["class_name"]
    'ReLU'
    """
    if not isinstance(layer, Layer):
        raise ArgumentError(f"serialize: expected a layer, got {layer!r}.")
    return config_capture.serialize(layer)


def deserialize(
    config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
) -> Layer:
    """A new layer, without weights, from what `serialize` returned.

    Args:
        config: of a layer.
        custom_objects: classes and functions that it names and that nnlib does not know.

    Raises:
        ArgumentError: for what is not the config of a layer.
        UnknownNameError: for a class that is not known.

    >>> import nnlib as nn
    >>> config = nn.layers.serialize(nn.layers.Dense(3))
    >>> nn.layers.deserialize(config).units
    3
    """
    with custom_object_scope(custom_objects):
        layer = config_capture.deserialize(config)
        if isinstance(layer, Mapping):
            layer = config_capture.configurable_classes.get(layer)
    if not isinstance(layer, Layer):
        raise ArgumentError(f"deserialize: expected the config of a layer, got {config!r}.")
    return layer
