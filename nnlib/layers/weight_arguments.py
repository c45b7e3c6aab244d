"""The three arguments that come with a weight: its initializer, regularizer and constraint."""

from typing import TYPE_CHECKING, Any

from nnlib.core.errors import NnlibError
from nnlib.core.registries import activations, constraints, initializers, regularizers
from nnlib.core.registry import Registry

if TYPE_CHECKING:
    from nnlib.core.layer import Layer


def resolved(layer: "Layer", argument: str, registry: Registry, value: Any) -> Any:
    """What a name stands for; a wrong one raises here, with the layer and the argument."""
    try:
        return registry.get(value)
    except NnlibError as error:
        raise type(error)(f"{type(layer).__name__}: {argument}: {error}") from None


def resolved_activation(layer: "Layer", value: Any, argument: str = "activation") -> Any:
    """The activation function of a name, or None."""
    return resolved(layer, argument, activations, value)


def keep_weight_arguments(
    layer: "Layer", weight: str, initializer: Any, regularizer: Any = None, constraint: Any = None
) -> None:
    """Set `layer.kernel_initializer`, `kernel_regularizer` and `kernel_constraint`, resolved.

    Called in `__init__` for each weight; `weight_of` reads them in `build`.
    """
    given = {
        "initializer": (initializers, initializer),
        "regularizer": (regularizers, regularizer),
        "constraint": (constraints, constraint),
    }
    for kind, (registry, value) in given.items():
        argument = f"{weight}_{kind}"
        setattr(layer, argument, resolved(layer, argument, registry, value))


def weight_of(layer: "Layer", weight: str, shape: tuple[int, ...], **options: Any) -> Any:
    """The declaration of a weight whose arguments `keep_weight_arguments` has set."""
    kinds = ("initializer", "regularizer", "constraint")
    kept = {kind: getattr(layer, f"{weight}_{kind}") for kind in kinds}
    return layer.add_weight(shape, **(kept | options))
