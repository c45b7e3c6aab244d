"""Classes and functions of users, by name, for configs that speak of them."""

import contextlib
import contextvars
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

_registered: dict[str, Any] = {}
_names: dict[Any, str] = {}
_scopes: contextvars.ContextVar[Mapping[str, Any] | None] = contextvars.ContextVar(
    "nnlib_custom_objects", default=None
)


def register_keras_serializable(
    package: str = "Custom", name: str | None = None
) -> Callable[[Any], Any]:
    """A decorator: a class or function that configs may name, as `package>name`.

    >>> @register_keras_serializable("shop")
    ... def double(x): return 2 * x
    >>> get_registered_name(double)
    'shop>double'
    >>> get_registered_object("shop>double")(4)
    8
    """

    def register(thing: Any) -> Any:
        full = f"{package}>{name or thing.__name__}"
        _registered[full] = thing
        _names[thing] = full
        if inspect.isfunction(thing):
            thing.config_name = full  # type: ignore[attr-defined]
        return thing

    return register


def get_registered_name(thing: Any) -> str:
    """The name that a class or function was registered under, else its own."""
    return _names.get(thing, thing.__name__)


def get_registered_object(
    name: str, custom_objects: Mapping[str, Any] | None = None, module_objects: Any = None
) -> Any:
    """What is known under `name`, in the arguments, a scope or the register; else None."""
    for table in (custom_objects or {}, _scopes.get() or {}, _registered, module_objects or {}):
        if name in table:
            return table[name]
    return None


def get_custom_objects() -> dict[str, Any]:
    """The register itself: `get_custom_objects()["Mine"] = Mine` makes a name known everywhere."""
    return _registered


@contextlib.contextmanager
def custom_object_scope(objects: Mapping[str, Any] | None) -> Iterator[None]:
    """Within the block these names are known; scopes nest.

    >>> with custom_object_scope({"double": len}):
    ...     get_registered_object("double") is len
    True
    """
    token = _scopes.set({**(_scopes.get() or {}), **(objects or {})})
    try:
        yield
    finally:
        _scopes.reset(token)


CustomObjectScope = custom_object_scope


def custom_object(name: str) -> Any:
    """As `get_registered_object`; a name without package finds a registered one of any package."""
    if (found := get_registered_object(name)) is not None:
        return found
    matches = [thing for full, thing in _registered.items() if full.rpartition(">")[2] == name]
    return matches[0] if len(matches) == 1 else None
