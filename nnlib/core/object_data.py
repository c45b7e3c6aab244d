"""Objects in data: `{"module": ..., "class_name": ..., "config": ...}` made again.

Nothing is imported or run because data names it. Classes are those of nnlib, those in a
`custom_object_scope` and those that were registered; functions likewise.
"""

import contextlib
import contextvars
import importlib
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

from nnlib.core.custom_objects import custom_object, custom_object_scope, get_registered_object
from nnlib.core.dtypes import policy_classes
from nnlib.core.errors import ArgumentError, CorruptFileError, NnlibError, UnknownNameError
from nnlib.core.registry import Registry

PLACE = "deserialize_keras_object"
configurable_classes = Registry("class")

_shared: contextvars.ContextVar[dict[Any, Any] | None] = contextvars.ContextVar(
    "nnlib_shared_objects", default=None
)

# Where the classes and functions of models are. Others, of `nnlib.utils` say, are not for files.
_PACKAGES = (
    "activations",
    "constraints",
    "distillation",
    "dtype_policies",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "models",
    "ops",
    "optimizers",
    "quantizers",
    "random",
    "regularizers",
)
_OF_FUNCTIONS = (
    "activations", "losses", "metrics", "initializers", "regularizers", "constraints", "ops",
)  # fmt: skip
_ALIASES = {
    "Functional": "Model",
    "LossFunctionWrapper": "LossFunction",
    "Policy": "DTypePolicy",
}
_REMEDY = (
    "For a name of your own pass custom_objects={name: ...}, or put "
    "@nnlib.saving.register_keras_serializable() above what it names."
)
ENDS = ("start", "stop", "step")


@contextlib.contextmanager
def reading(
    place: str, custom_objects: Mapping[str, Any] | None = None, safe_mode: bool = True
) -> Iterator[None]:
    """Within the block data is read: every failure is an error of ours, shared objects are one.

    Raises:
        ArgumentError: for `safe_mode=False`.
        CorruptFileError: for data that nothing can be made from.
    """
    if not safe_mode:
        raise ArgumentError(
            f"{place}: expected safe_mode=True, got False, and nnlib runs no code from data. Give "
            "functions a name and pass custom_objects={name: function}."
        )
    token = _shared.set({} if _shared.get() is None else _shared.get())
    try:
        with custom_object_scope(custom_objects):
            yield
    except UnknownNameError as error:
        if "custom_objects" in str(error):
            raise
        raise UnknownNameError(f"{error} {_REMEDY}") from error
    except NnlibError:
        raise
    except RecursionError:
        raise CorruptFileError(
            f"{place}: expected a config, got one nested too deeply to be read."
        ) from None
    except Exception as error:
        raise CorruptFileError(
            f"{place}: expected a config that its classes can be made from, got one that they "
            f"refuse: {type(error).__name__}: {error}"
        ) from error
    finally:
        _shared.reset(token)


def is_object(value: Any) -> bool:
    """Whether data stands for an object."""
    return isinstance(value, Mapping) and {"class_name", "config"} <= value.keys()


def made(data: Any, lenient: bool = False) -> Any:
    """What data stands for, all through; plain data as it is.

    Args:
        data: plain data.
        lenient: whether `{"class_name", "config"}` of an unknown class and without a module stays
            what it is: users may mean a dict.

    Raises:
        UnknownNameError: for a class or function that is not known.
    """
    if isinstance(data, list | tuple):
        return like(data, (made(item, lenient) for item in data))
    if not isinstance(data, Mapping):
        return data
    if not is_object(data):
        return {key: made(value, lenient) for key, value in data.items()}
    kind = text_of(data, "class_name")
    if kind in _BUILTIN:
        return _BUILTIN[kind](data["config"])
    if kind == "function":
        return _function(data)
    if lenient and not {"module", "registered_name"} & data.keys() and known_class(data) is None:
        return {key: made(value, lenient) for key, value in data.items()}
    return made_object(data, alone=not lenient)


def in_role(key: str, value: Any) -> Any:
    """An argument's data, with a module where the argument's name tells it and they do not.

    Layers and initializers may have classes of one name: `kernel_initializer` tells them apart.
    """
    package = f"{key.rpartition('_')[2]}s"
    bare = is_object(value) and not {"module", "registered_name"} & value.keys()
    if bare and package in ("initializers", "regularizers", "constraints"):
        return {**value, "module": f"nnlib.{package}"}
    return value


def like(sequence: Any, items: Iterable[Any]) -> Any:
    """`items` as a tuple or a list, whichever `sequence` is."""
    return tuple(items) if isinstance(sequence, tuple) else list(items)


def text_of(data: Mapping[str, Any], key: str) -> str:
    """The string under `key`; refuses anything else."""
    value = data.get(key)
    if not isinstance(value, str):
        raise CorruptFileError(f"{PLACE}: expected {key!r} to be a string, got {value!r:.80}.")
    return value


def made_object(data: Mapping[str, Any], alone: bool = False) -> Any:
    """The object of a class that is known by a name, or is nnlib's.

    Args:
        data: of the object.
        alone: whether it is built and compiled as its data say. Parts of others are not: a call
            builds them, on what they are really called on.
    """
    shared, number = _shared.get(), data.get("shared_object_id")
    if shared is not None and isinstance(number, int) and number in shared:
        return shared[number]
    kind = known_class(data)
    if kind is None:
        raise UnknownNameError(_unknown("class", text_of(data, "class_name")))
    thing = _from_config(kind, {} if data["config"] is None else data["config"])
    if alone:
        _finish(thing, data.get("build_config"), data.get("compile_config"))
    if shared is not None and isinstance(number, int):
        shared[number] = thing
    return thing


def _finish(thing: Any, build: Any, compiled: Any) -> None:
    if build and not getattr(thing, "built", True) and hasattr(thing, "build_from_config"):
        thing.build_from_config(build)
    if compiled and hasattr(thing, "compile_from_config"):
        thing.compile_from_config(compiled)


def known_class(data: Mapping[str, Any]) -> Any:
    """The class that data names: the user's before nnlib's; None if nobody knows it."""
    name, registered = text_of(data, "class_name"), data.get("registered_name")
    named = [key for key in (registered, name) if isinstance(key, str)]
    if (custom := get_registered_object(named[0])) is not None:
        return custom
    package = package_of_ours(data.get("module"))
    if package is not None:
        importlib.import_module(f"nnlib.{package}")
    short = _ALIASES.get(name, name)
    # Two packages may have classes of one name: initializers.Identity and layers.Identity.
    full = short if package is None else f"nnlib.{package}.{short}"
    for key, classes in ((full, configurable_classes), (short, policy_classes)):
        if key in classes:
            return classes.lookup(key)
    # Keras 2 put the package into class_name, "shop>Shelf"; users may pass the class as "Shelf".
    other = [short.rpartition(">")[2], *reversed(named)]
    return next(filter(None, map(custom_object, other)), None)


def package_of_ours(module: Any) -> str | None:
    """`"layers"` for the module `keras.layers`, `keras.src.layers.core.dense` or `nnlib.layers`."""
    parts = [part for part in str(module).split(".") if part != "src"]
    ours = parts[0] in ("keras", "nnlib", "tf_keras") and len(parts) > 1
    return parts[1] if ours and parts[1] in _PACKAGES else None


def _from_config(kind: Any, config: Any) -> Any:
    if isinstance(config, Mapping):
        config = dict(config)  # authors take things out of it
    if hasattr(kind, "from_config"):
        return kind.from_config(config)
    if not isinstance(config, Mapping):
        raise CorruptFileError(
            f"{PLACE}: expected the config of {kind.__name__} to be a dict, got {config!r:.80}."
        )
    return kind(**{name: made(value) for name, value in config.items()})


def function_called(name: str, places: Iterable[str] = ()) -> Any:
    """The function of this name that the user made known, else that of nnlib in one of `places`."""
    if (custom := custom_object(name)) is not None:
        return custom
    for place in places:
        module = importlib.import_module(f"nnlib.{place}")
        found = getattr(module, name, None) if name in getattr(module, "__all__", ()) else None
        if inspect.isfunction(found):
            return found
    raise UnknownNameError(_unknown("function", name))


def _function(data: Mapping[str, Any]) -> Any:
    # Keras says "builtins" of its own functions too.
    anywhere = data.get("module") in (None, "builtins")
    package = package_of_ours(data.get("module"))
    own = (package,) if package in _OF_FUNCTIONS else ()
    return function_called(text_of(data, "config"), _OF_FUNCTIONS if anywhere else own)


def _refuse_code(config: Any) -> Any:
    raise ArgumentError(
        f"{PLACE}: expected functions by name, got a lambda's code, which nnlib does not run. "
        "Write the function out, with a name, and save again."
    )


_BUILTIN: dict[str, Callable[[Any], Any]] = {
    "__bytes__": lambda config: config["value"].encode(),
    "__ellipsis__": lambda config: Ellipsis,
    "__lambda__": _refuse_code,
    "__numpy__": lambda config: np.asarray(config["value"], config["dtype"]),
    "__slice__": lambda config: slice(*(config[name] for name in ENDS)),
    "__tensor__": lambda config: jnp.asarray(config["value"], config["dtype"]),
}


def _unknown(what: str, name: str) -> str:
    return (
        f"{PLACE}: expected a {what} of nnlib or a known one, got {name!r}. Pass "
        f"custom_objects={{{name!r}: ...}}, or put @nnlib.saving.register_keras_serializable() "
        f"above the {what}."
    )
