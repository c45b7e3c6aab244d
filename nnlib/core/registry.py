"""One lookup for everything that users may name by a string."""

import difflib
import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from nnlib.core.custom_objects import (
    custom_object,
    custom_object_scope,
    get_registered_object,
)
from nnlib.core.errors import ArgumentError, UnknownNameError
from nnlib.core.naming import snake_case


class Registry:
    """Names for one kind of thing: `Registry("activation")`.

    `get` accepts whatever a Keras user writes: None, a name, `{"class_name": ..., "config": ...}`,
    a class, an instance, or any callable. `module` is imported at the first lookup: it registers
    the entries.

    >>> shapes = Registry("shape")
    >>> @shapes.register("square", "box")
    ... def square(x): return x * x
    >>> shapes.get("box")(3)
    9
    >>> shapes.get("sqare")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    nnlib.core.errors.UnknownNameError: shape: no 'sqare' here. Did you mean 'square'? Known: ...
    """

    def __init__(self, kind: str, module: str | None = None):
        self.kind = kind
        self._module = module
        self._entries: dict[str, Any] = {}
        self._names: dict[Any, str] = {}
        self.of_array: Callable[[Any], Any] | None = None
        """What an array stands for; None where arrays are refused."""

    def register(self, *names: str) -> Callable[[Any], Any]:
        """A decorator: file a function or class under these names, or under its own two."""

        def file(entry: Any) -> Any:
            own = [entry.__name__]
            if inspect.isclass(entry):
                own.append(snake_case(entry.__name__))
            for name in names or own:
                self._entries[name] = entry
            if inspect.isclass(entry):
                self._entries[entry.__name__] = entry
            elif inspect.isfunction(entry):
                entry.config_name = (names or own)[0]  # type: ignore[attr-defined]
            self._names[entry] = entry.__name__ if inspect.isclass(entry) else (names or own)[0]
            return entry

        return file

    def __contains__(self, name: object) -> bool:
        self._fill()
        return name in self._entries

    def names(self) -> list[str]:
        """All known names, sorted."""
        self._fill()
        return sorted(self._entries)

    def _fill(self) -> None:
        """Import the module that registers the entries; names then work whatever was imported."""
        if self._module is not None:
            module, self._module = self._module, None
            importlib.import_module(module)

    def lookup(self, name: str) -> Any:
        """The function or class under `name`; raises UnknownNameError with close matches.

        A name that the user gave a meaning, in a scope or the register, means that.
        """
        if (given := get_registered_object(name)) is not None:
            return given
        if name in self:
            return self._entries[name]
        if (custom := custom_object(name)) is not None:
            return custom
        close = difflib.get_close_matches(name, self._entries, n=3, cutoff=0.6)
        hint = f" Did you mean {' or '.join(map(repr, close))}?" if close else ""
        known = ", ".join(self.names())
        raise UnknownNameError(f"{self.kind}: no {name!r} here.{hint} Known: {known}.")

    def get(self, identifier: Any) -> Any:
        """The object that `identifier` stands for; classes are instantiated without arguments."""
        if identifier is None:
            return None
        if isinstance(identifier, str):
            return self._instance(self.lookup(identifier))
        if isinstance(identifier, Mapping):
            return self._from_config(identifier)
        if inspect.isclass(identifier):
            return identifier()
        if callable(identifier) or type(identifier) in self._names:
            return identifier
        if self.of_array is not None and hasattr(identifier, "__array__"):
            return self.of_array(identifier)
        raise ArgumentError(
            f"{self.kind}: expected a name, a config, a class, an instance or a callable, "
            f"got {identifier!r}. Known names: {', '.join(self.names())}."
        )

    def deserialize(self, config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
        """As `get`, for what `serialize` wrote; `custom_objects` are further names.

        >>> Registry("shape").deserialize("box", custom_objects={"box": len})([1, 2])
        2
        """
        with custom_object_scope(custom_objects):
            return self.get(config)

    def name_of(self, thing: Any) -> str | None:
        """The registered name of a function, a class or an instance's class, or None."""
        try:
            return self._names.get(thing) or self._names.get(type(thing))
        except TypeError:  # unhashable: certainly not registered
            return None

    @staticmethod
    def _instance(entry: Any) -> Any:
        return entry() if inspect.isclass(entry) else entry

    def _from_config(self, config: Mapping[str, Any]) -> Any:
        if "class_name" not in config:
            raise ArgumentError(
                f"{self.kind}: expected a dict with 'class_name' and 'config', "
                f"got the keys {sorted(config)}."
            )
        entry = self.lookup(config["class_name"])
        arguments = dict(config.get("config") or {})
        if hasattr(entry, "from_config"):
            return entry.from_config(arguments)
        return entry(**arguments) if inspect.isclass(entry) else entry
