"""Copies of layers that are made with the same arguments, without their weights."""

from typing import Any

from nnlib.core.arguments import accepted_by_init
from nnlib.core.config_capture import Configurable
from nnlib.core.errors import ArgumentError
from nnlib.core.layer import Layer


def cloned(layer: Layer, **changed: Any) -> Any:
    """A new layer of the same class and arguments, some of them changed; cells are cloned too."""
    for name in changed:
        if not accepted_by_init(type(layer), name):
            raise ArgumentError(
                f"{layer.name} ({type(layer).__name__}): expected a layer that can be made with "
                f"{name}=..., got one that cannot. Let its __init__ take {name}, or **kwargs for "
                "those of Layer."
            )
    arguments = {name: cloned_value(value) for name, value in layer._init_arguments.items()}
    return type(layer)(**(arguments | changed))


def cloned_value(value: Any) -> Any:
    """An argument like `value`, with new objects in place of those that configs can make."""
    if isinstance(value, list | tuple):
        return type(value)(map(cloned_value, value))
    if isinstance(value, dict):
        return {key: cloned_value(item) for key, item in value.items()}
    if not isinstance(value, Configurable):
        return value
    arguments = vars(value).get("_init_arguments", {})  # classes without __init__ note none
    return type(value)(**{n: cloned_value(v) for n, v in arguments.items()})
