"""Plain data of nnlib as Keras writes it: its modules, its names, its objects for names."""

from collections.abc import Mapping
from typing import Any

from nnlib.core import dtypes
from nnlib.core.config_capture import serialize
from nnlib.core.custom_objects import get_registered_object
from nnlib.core.object_data import is_object
from nnlib.core.plain_data import serialize_keras_object
from nnlib.core.registries import constraints, initializers, regularizers
from nnlib.models.operation_data import keras_operation

_ROLES = {
    "initializer": initializers,
    "regularizer": regularizers,
    "constraint": constraints,
}
_SCHEDULES = (
    "CosineDecay", "CosineDecayRestarts", "ExponentialDecay", "InverseTimeDecay",
    "PiecewiseConstantDecay", "PolynomialDecay", "LearningRateSchedule",
)  # fmt: skip
_HEAD_KEYS = ("module", "class_name", "config", "registered_name")
# What Keras' class does not take, though ours does, where it says nothing.
_SILENT = {"autocast": True, "activity_regularizer": None, "weights": None}
_UNKNOWN = {
    **dict.fromkeys(("SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D"), ("trainable",)),
    "Discretization": ("trainable",),
    "Embedding": ("input_length",),
    "ReversibleEmbedding": ("input_length",),
}


def in_keras_form(data: Any) -> Any:
    """What `serialize_keras_object` returned, as Keras would have written it."""
    if isinstance(data, list | tuple):
        return [in_keras_form(item) for item in data]
    if not isinstance(data, Mapping):
        return _function_by_name(data)
    if not is_object(data) or "module" not in data:
        return {key: in_keras_form(value) for key, value in data.items()}
    if data["class_name"] == "function":
        return _function(data["config"])
    return _object(data)


def written(thing: Any) -> Any:
    """Keras' plain data for an object, a function, or anything that holds some of them."""
    return in_keras_form(serialize_keras_object(thing))


def _object(data: Mapping[str, Any]) -> dict[str, Any]:
    package, kind = str(data["module"]).partition(".")[0], data["class_name"]
    if package == "keras":
        return dict(data)  # written before, by `get_compile_config`
    rest = {key: value for key, value in data.items() if key not in _HEAD_KEYS}
    rest = {key: in_keras_form(value) for key, value in rest.items()}
    if package != "nnlib":
        name = data.get("registered_name") or kind
        config = in_keras_form(data["config"])
        head = {"module": data["module"], "class_name": kind, "config": config}
        return {**head, "registered_name": name, **rest}
    if kind == "Operation":
        operation = keras_operation(data["config"])
        rest.pop("build_config", None)  # Keras' operations are no layers: nothing is built
        return {**operation, "config": in_keras_form(operation["config"]), **rest}
    if "shapes_dict" in (rest.get("build_config") or {}):
        del rest["build_config"]  # Keras may name the arguments otherwise; a call builds it
    config = _config(str(data["module"]), kind, data["config"])
    return {**_head(str(data["module"]), kind, config), **rest}


def _head(module: str, kind: str, config: dict[str, Any]) -> dict[str, Any]:
    """Module, class and registered name as Keras has them."""
    head = {"module": module.replace("nnlib", "keras", 1), "class_name": kind, "config": config}
    registered = None
    if kind in _SCHEDULES:
        head["module"] = "keras.optimizers.schedules"
    if module == "nnlib.models":
        head["module"] = "keras"
        if kind == "Model" and "input_layers" in config:
            head |= {"module": "keras.src.models.functional", "class_name": "Functional"}
            registered = "Functional"
    return {**head, "registered_name": registered}


def _config(module: str, kind: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments, with objects where Keras writes objects."""
    kept = {k: v for k, v in config.items() if k not in _SILENT or v != _SILENT[k]}
    kept = {key: value for key, value in kept.items() if key not in _UNKNOWN.get(kind, ())}
    if kind == "InputLayer":
        return {key: in_keras_form(value) for key, value in kept.items()}
    layers = module in ("nnlib.layers", "nnlib.models")
    return {key: _argument(key, value, layers) for key, value in kept.items()}


def _argument(key: str, value: Any, of_layer: bool) -> Any:
    if key == "dtype" and of_layer and value is not None:
        return policy(value)
    registry = _ROLES.get(key.rpartition("_")[2])
    if registry is not None and isinstance(value, str):
        value = serialize_keras_object(serialize(registry.get(value)))
    return in_keras_form(value)


def policy(value: Any) -> dict[str, Any]:
    """A dtype policy as Keras writes it."""
    made = dtypes.get(value)
    config = made.get_config()
    if made.by_path:
        default, by_path = config["default_policy"], config["policy_map"]
        config = {
            "default_policy": None if default is None else policy(default),
            "policy_map": {path: policy(name) for path, name in by_path.items()},
        }
    kind = type(made).__name__
    return {"module": "keras", "class_name": kind, "config": config, "registered_name": None}


def _function_by_name(value: Any) -> Any:
    """`"shop>double"` as a function, where that is registered."""
    registered = isinstance(value, str) and ">" in value
    if registered and callable(get_registered_object(value)):
        return _function(value)
    return value


def _function(name: str) -> dict[str, Any]:
    return {
        "module": "builtins",
        "class_name": "function",
        "config": name,
        "registered_name": "function",
    }
