"""Objects as plain data and back: what configs are made of, for things of every kind."""

import inspect
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from nnlib.core import config_capture
from nnlib.core.custom_objects import get_registered_name
from nnlib.core.errors import ArgumentError
from nnlib.core.object_data import ENDS, PLACE, like, made, reading
from nnlib.core.shared_objects import mark

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
    data = data_of(obj)
    compiled: Any = getattr(obj, "get_compile_config", dict)()
    return {**data, "compile_config": compiled} if compiled else data


def data_of(obj: Any) -> Any:
    """As `serialize_keras_object`, without saying how a model was compiled."""
    if obj is None or (isinstance(obj, str | int | float) and not isinstance(obj, np.generic)):
        return obj
    if isinstance(obj, list | tuple):
        return like(obj, map(data_of, obj))
    if isinstance(obj, Mapping):
        return {key: data_of(value) for key, value in obj.items()}
    if isinstance(obj, np.generic | np.ndarray | jax.Array):
        return _array_data(obj)
    if isinstance(obj, np.dtype) or (isinstance(obj, type) and issubclass(obj, np.generic)):
        return np.dtype(obj).name
    if inspect.isfunction(obj):
        return _function_data(obj)
    if isinstance(obj, bytes):
        return {"class_name": "__bytes__", "config": {"value": obj.decode()}}
    if isinstance(obj, slice):
        ends = {name: data_of(getattr(obj, name)) for name in ENDS}
        return {"class_name": "__slice__", "config": ends}
    if obj is Ellipsis:
        return {"class_name": "__ellipsis__", "config": {}}
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
        CorruptFileError: for data that nothing can be made from.
        UnknownNameError: for a class or function that is not known.

    >>> import nnlib as nn
    >>> class Doubling:
    ...     def __init__(self, times): self.times = times
    ...     def get_config(self): return {"times": self.times}
    >>> config = nn.saving.serialize_keras_object([Doubling(3)])
    >>> nn.saving.deserialize_keras_object(config, custom_objects={"Doubling": Doubling})[0].times
    3
    """
    with reading(PLACE, custom_objects, safe_mode):
        return made(config)


def _array_data(array: Any) -> Any:
    if array.ndim == 0 and not isinstance(array, jax.Array):
        return array.item()
    if isinstance(array, jax.core.Tracer):
        raise ArgumentError(f"{_PLACE}: expected an array with values, got a tracer of jax.jit.")
    kind = "__tensor__" if isinstance(array, jax.Array) else "__numpy__"
    values = {"value": np.asarray(array).tolist(), "dtype": array.dtype.name}
    return {"class_name": kind, "config": values}


def _function_data(function: Any) -> dict[str, Any]:
    """A function by its name; whoever reads it must know what that means."""
    name = get_registered_name(function)
    module = ".".join(function.__module__.split(".")[:2])
    if name == "<lambda>":
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
    data = {
        "module": config_capture.public_module(kind),
        "class_name": kind.__name__,
        "config": data_of(obj.get_config()),
        "registered_name": None if name == kind.__name__ else name,
        **mark(obj),
    }
    if hasattr(obj, "get_build_config") and (build := obj.get_build_config()) is not None:
        data["build_config"] = data_of(build)
    return data
