"""Objects as plain data and back: what configs are made of, for things of every kind."""

import importlib
import importlib.util
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from nnlib.core import config_capture
from nnlib.core.custom_objects import (
    custom_object,
    custom_object_scope,
    get_registered_name,
    get_registered_object,
)
from nnlib.core.errors import ArgumentError, UnknownNameError

_PLACE = "serialize_keras_object"


def serialize_keras_object(obj: Any) -> Any:
    """Plain data for an object, a function, an array or anything that holds some of them.

    Args:
        obj: something with `get_config`; a function of nnlib or a registered one; an array;
            numbers, strings and None; a list, tuple or dict of all these.

    Returns:
        `{"module", "class_name", "config", "registered_name"}` for what is not plain already.

    Raises:
        ArgumentError: for what cannot be made again from data: a lambda, an open file.

    >>> import nnlib as nn
    >>> config = nn.saving.serialize_keras_object({"loss": nn.losses.Huber(2.0), "top": (1, 2)})
    >>> config["loss"]["class_name"], config["top"]
    ('Huber', (1, 2))
    >>> nn.saving.deserialize_keras_object(config)["loss"].delta
    2.0
    """
    if isinstance(obj, np.generic | np.ndarray | jax.Array):
        return _array_data(obj)
    if obj is None or isinstance(obj, str | int | float):
        return obj
    if isinstance(obj, list | tuple):
        return _like(obj, map(serialize_keras_object, obj))
    if isinstance(obj, Mapping):
        return {key: serialize_keras_object(value) for key, value in obj.items()}
    if isinstance(obj, np.dtype) or (isinstance(obj, type) and issubclass(obj, np.generic)):
        return np.dtype(obj).name
    if inspect.isfunction(obj):
        return _function_data(obj)
    if isinstance(obj, bytes):
        return {"class_name": "__bytes__", "config": {"value": obj.decode()}}
    if isinstance(obj, slice):
        ends = {name: serialize_keras_object(getattr(obj, name)) for name in _ENDS}
        return {"class_name": "__slice__", "config": ends}
    return _object_data(obj)


def deserialize_keras_object(
    config: Any,
    custom_objects: Mapping[str, Any] | None = None,
    safe_mode: bool = True,
) -> Any:
    """What `serialize_keras_object` wrote, made again; plain data as it is.

    No module is imported because a config names it: classes and functions that are not nnlib's
    are found in `custom_objects`, in a `custom_object_scope`, or because they were registered.

    Args:
        config: plain data.
        custom_objects: further classes and functions by name.
        safe_mode: only True: nnlib runs no code from data.

    Raises:
        ArgumentError: for a lambda that Keras wrote, and for `safe_mode=False`.
        UnknownNameError: for a class or function that is not known.

    >>> import nnlib as nn
    >>> class Doubling:
    ...     def __init__(self, times): self.times = times
    ...     def get_config(self): return {"times": self.times}
    >>> config = nn.saving.serialize_keras_object([Doubling(3)])
    >>> nn.saving.deserialize_keras_object(config, custom_objects={"Doubling": Doubling})[0].times
    3
    """
    if not safe_mode:
        raise ArgumentError(
            "deserialize_keras_object: expected safe_mode=True, got False, and nnlib runs no code "
            "from data. Give functions a name and pass custom_objects={name: function}."
        )
    with custom_object_scope(custom_objects):
        return _made(config)


def _like(sequence: Any, items: Iterable[Any]) -> Any:
    return tuple(items) if isinstance(sequence, tuple) else list(items)


def _array_data(array: Any) -> Any:
    if array.ndim == 0 and not isinstance(array, jax.Array):
        return array.item()
    if isinstance(array, jax.core.Tracer):
        raise ArgumentError(f"{_PLACE}: expected an array with values, got a tracer of jax.jit.")
    kind = "__tensor__" if isinstance(array, jax.Array) else "__numpy__"
    values = {"value": np.asarray(array).tolist(), "dtype": array.dtype.name}
    return {"class_name": kind, "config": values}


def _function_data(function: Any) -> dict[str, Any]:
    """A function by name, if the name leads back to it."""
    name = get_registered_name(function)
    module = ".".join(function.__module__.split(".")[:2])
    registered = custom_object(name) is function
    if not registered and (name == "<lambda>" or "<locals>" in function.__qualname__):
        raise ArgumentError(
            f"{_PLACE}: expected a function that its name leads to, got {function!r}. Put "
            "@nnlib.saving.register_keras_serializable() above a function with a name."
        )
    return {"module": module, "class_name": "function", "config": name, "registered_name": name}


def _object_data(obj: Any) -> dict[str, Any]:
    if not hasattr(obj, "get_config") or isinstance(obj, type):
        raise ArgumentError(
            f"{_PLACE}: expected plain data, an array, a function or an object with get_config(), "
            f"got {obj!r} ({type(obj).__name__})."
        )
    kind = type(obj)
    name = get_registered_name(kind)
    return {
        "module": config_capture.public_module(kind),
        "class_name": kind.__name__,
        "config": serialize_keras_object(obj.get_config()),
        "registered_name": None if name == kind.__name__ else name,
    }


_ENDS = ("start", "stop", "step")
_BUILTIN: dict[str, Callable[[Any], Any]] = {
    "__bytes__": lambda config: config["value"].encode(),
    "__slice__": lambda config: slice(*(config[name] for name in _ENDS)),
    "__tensor__": lambda config: jnp.asarray(config["value"], config["dtype"]),
    "__numpy__": lambda config: np.asarray(config["value"], config["dtype"]),
}


def _made(config: Any) -> Any:
    if isinstance(config, list | tuple):
        return _like(config, map(_made, config))
    if not isinstance(config, Mapping):
        return config
    if not {"class_name", "config"} <= set(config):
        return {key: _made(value) for key, value in config.items()}
    if config["class_name"] in _BUILTIN:
        return _BUILTIN[config["class_name"]](config["config"])
    if config["class_name"] == "function":
        return _function(config)
    if config["class_name"] == "__lambda__":
        raise ArgumentError(
            "deserialize_keras_object: expected functions by name, got a lambda's code, which "
            "nnlib does not run. Write the function out, with a name, and save again."
        )
    return _object(config)


def _object(config: Mapping[str, Any]) -> Any:
    """An object of a class that is known by a name, or of nnlib."""
    own = config_capture.configurable_classes
    short, registered = config["class_name"], config.get("registered_name")
    custom = custom_object(registered) if registered else get_registered_object(short)
    if custom is not None:
        return _from_config(custom, config["config"])
    # Two modules may have classes of one name: initializers.Identity and layers.Identity.
    module = _module_of_ours(config)
    if module is not None:
        importlib.import_module(module)
    for name in (f"{module}.{short}", short):
        if name in own or custom_object(name) is not None:
            return own.get({"class_name": name, "config": config["config"]})
    raise UnknownNameError(_unknown("class", short))


def _module_of_ours(config: Mapping[str, Any]) -> str | None:
    """`nnlib.layers` where a config of nnlib or of Keras names it, if there is such a module."""
    module = str(config.get("module")).replace("keras", "nnlib", 1)
    ours = module.partition(".")[0] == "nnlib"
    return module if ours and importlib.util.find_spec(module) is not None else None


def _from_config(kind: Any, config: Any) -> Any:
    if hasattr(kind, "from_config"):
        return kind.from_config(config)
    return kind(**{name: _made(value) for name, value in config.items()})


def _function(config: Mapping[str, Any]) -> Any:
    name = config["config"]
    if (custom := custom_object(name)) is not None:
        return custom
    module = _module_of_ours(config)
    # Keras says "builtins" of its own functions too.
    for place in _OF_FUNCTIONS if config.get("module") in (None, "builtins") else (module,):
        found = getattr(importlib.import_module(place), name, None) if place else None
        if inspect.isfunction(found):
            return found
    raise UnknownNameError(_unknown("function", name))


_OF_FUNCTIONS = ("nnlib.activations", "nnlib.losses", "nnlib.metrics", "nnlib.ops")


def _unknown(what: str, name: str) -> str:
    return (
        f"deserialize_keras_object: expected a {what} of nnlib or a known one, got {name!r}. Pass "
        f"custom_objects={{{name!r}: ...}}, or put @nnlib.saving.register_keras_serializable() "
        f"above the {what}."
    )
