"""Operations of Keras between layers, in configs: `keras.src.ops.numpy.Mean` and the like."""

from collections.abc import Mapping
from typing import Any

from nnlib.core.errors import UnknownNameError
from nnlib.core.naming import snake_case
from nnlib.core.object_data import known_class, made, made_object, package_of_ours, text_of
from nnlib.layers.operation import Operation
from nnlib.layers.operations import OPERATIONS


def layer_from_data(data: Mapping[str, Any]) -> Any:
    """The layer of an entry of a graph; operations of Keras become `Operation`.

    Raises:
        UnknownNameError: for an operation that nnlib does not have.
    """
    if package_of_ours(data.get("module")) != "ops" or known_class(data) is not None:
        return made_object(data)
    name = snake_case(text_of(data, "class_name"))
    if name not in OPERATIONS:
        raise UnknownNameError(
            f"functional config: expected an operation among {', '.join(sorted(OPERATIONS))}, got "
            f"{data['class_name']!r} of {data['module']}. Write it as a layer with a name of its "
            f"own and save again, or pass custom_objects={{{data['class_name']!r}: ...}} with a "
            "layer that does it."
        )
    config = made(data["config"] or {})
    options = {key: value for key, value in config.items() if key != "name"}
    return Operation(name, options, name=config.get("name"))


def keras_operation(config: Mapping[str, Any]) -> dict[str, Any]:
    """What Keras writes for an Operation of this config."""
    known = OPERATIONS[config["operation"]]
    return {
        "module": f"keras.src.ops.{known.module}",
        "class_name": known.keras_name,
        "config": {"name": config["name"], **(config.get("options") or {})},
        "registered_name": known.keras_name,
    }
