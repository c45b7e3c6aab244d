"""Configuration for free: what `__init__` was called with is what makes the object again."""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np

from nnlib.core.foreign_arguments import understood
from nnlib.core.object_data import configurable_classes, in_role, made
from nnlib.core.shared_objects import mark


def capturing(init: Callable[..., None]) -> Callable[..., None]:
    """`init`, noting the arguments of the outermost call and which attributes it set."""
    signature = inspect.signature(init)

    @functools.wraps(init)
    def wrapper(self: "Configurable", *args: Any, **kwargs: Any) -> None:
        outermost = "_init_arguments" not in self.__dict__
        if outermost:
            try:
                bound = signature.bind(self, *args, **kwargs)
            except TypeError:
                init(self, *args, **kwargs)  # says better which argument is wrong
                raise
            self.__dict__["_init_arguments"] = _named_arguments(bound)
        init(self, *args, **kwargs)
        if outermost:
            names = frozenset(name for name in vars(self) if not name.startswith("_"))
            self.__dict__["_config_names"] = names

    return wrapper


def _named_arguments(bound: inspect.BoundArguments) -> dict[str, Any]:
    bound.apply_defaults()
    arguments: dict[str, Any] = {}
    for name, value in list(bound.arguments.items())[1:]:
        kind = bound.signature.parameters[name].kind
        if kind is inspect.Parameter.VAR_KEYWORD:
            arguments.update(value)
        elif kind is not inspect.Parameter.VAR_POSITIONAL or value:
            arguments[name] = value
    return arguments


class Configurable:
    """A base whose subclasses need not write `get_config`: their arguments are remembered.

    >>> class Scale(Configurable):
    ...     def __init__(self, factor, shift=0.0):
    ...         self.factor, self.shift = factor, shift
    >>> Scale(2).get_config()
    {'factor': 2, 'shift': 0.0}
    >>> Scale.from_config({'factor': 3}).factor
    3
    """

    _init_arguments: dict[str, Any]
    _config_names: frozenset[str]

    def __init_subclass__(cls, **kwargs: Any):
        super().__init_subclass__(**kwargs)
        if "__init__" in vars(cls):
            cls.__init__ = capturing(cls.__init__)  # type: ignore[method-assign]
        if cls.__module__.partition(".")[0] == "nnlib" and not cls.__name__.startswith("_"):
            configurable_classes.register(_qualified(cls), cls.__name__)(cls)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make this object again, as plain data wherever that is possible."""
        arguments = self.__dict__.get("_init_arguments", {})
        return {name: serialize(value) for name, value in arguments.items()}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """A new object from what `get_config` returned, here or in Keras."""
        config = understood(cls, arguments_of(cls), config)
        return cls(**{name: deserialize(in_role(name, value)) for name, value in config.items()})


def arguments_of(cls: type) -> list[str]:
    """The names of the arguments of `__init__`, and of those of the bases that get its rest."""
    names: list[str] = []
    for base in cls.__mro__:
        if "__init__" not in vars(base) or base is object:
            continue
        parameters = inspect.signature(base.__init__).parameters  # type: ignore[misc]
        names += parameters
        if not any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values()):
            break  # nothing is passed on to the bases
    skip = ("self", "args", "kwargs", "legacy")
    return [name for name in dict.fromkeys(names) if name not in skip]


def public_module(cls: type) -> str:
    """Where users find the class: `nnlib.layers`, not the file below it."""
    return ".".join(cls.__module__.split(".")[:2])


def _qualified(cls: type) -> str:
    return f"{public_module(cls)}.{cls.__name__}"


def serialize(value: Any) -> Any:
    """Plain data for an argument; callables that have no name in nnlib stay what they are."""
    if isinstance(value, Configurable):
        kind = type(value)
        return {
            "module": public_module(kind),
            "class_name": kind.__name__,
            "config": value.get_config(),
            **mark(value),
        }
    if isinstance(value, list | tuple):
        return [serialize(item) for item in value]
    if isinstance(value, Mapping):
        return {key: serialize(item) for key, item in value.items()}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.dtype):
        return value.name
    if isinstance(value, type) and issubclass(value, np.generic):
        return np.dtype(value).name
    return getattr(value, "config_name", value)


def deserialize(value: Any) -> Any:
    """The objects of a config of nnlib or Keras; other data as it is."""
    return made(value, lenient=True)
