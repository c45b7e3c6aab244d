"""Checks of what layers are given: keywords, names, attributes, state arrays."""

import difflib
import functools
import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from nnlib.core.config_capture import arguments_of
from nnlib.core.errors import (
    ArgumentError,
    FrozenConfigError,
    ShapeError,
    StateWriteError,
    UnexpectedArgumentError,
)
from nnlib.core.frame import current_frame
from nnlib.core.scope import step_placement
from nnlib.core.specs import Weight

if TYPE_CHECKING:
    from nnlib.core.layer import Layer

_LEGACY = ("input_shape", "batch_input_shape", "input_dim")


def legacy_input_shape(cls: type, legacy: dict[str, Any]) -> Any:
    """The shape of `input_shape=`, `batch_input_shape=` or `input_dim=`; refuses other keywords."""
    if unknown := [name for name in legacy if name not in _LEGACY]:
        known = arguments_of(cls)
        close = difflib.get_close_matches(unknown[0], known, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise UnexpectedArgumentError(
            f"{cls.__name__}: expected arguments among {', '.join(known)}, "
            f"got {', '.join(map(repr, unknown))}.{hint}"
        )
    given = [name for name in _LEGACY if legacy.get(name) is not None]
    if len(given) > 1:
        raise ArgumentError(
            f"{cls.__name__}: expected one of {', '.join(_LEGACY)}, got {' and '.join(given)}. "
            "Leave one out."
        )
    if legacy.get("batch_input_shape") is not None:
        return tuple(legacy["batch_input_shape"])
    if legacy.get("input_shape") is not None:
        shape = legacy["input_shape"]
        return (None, *(shape if isinstance(shape, tuple | list) else (shape,)))
    if legacy.get("input_dim") is not None:
        return (None, legacy["input_dim"])
    return None


@functools.cache
def _parameters(cls: Any) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(cls).parameters


def accepted_by_init(cls: Any, name: str) -> bool:
    """Whether `cls(name=...)` is possible."""
    parameters = _parameters(cls)
    return name in parameters or any(
        p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values()
    )


def check_name(name: Any) -> str | None:
    """A name that can be part of a path."""
    if name is not None and (not isinstance(name, str) or not name or "/" in name):
        raise ArgumentError(f"name: expected a non-empty string without '/', got {name!r}.")
    return name


def check_state(place: str, weights: Mapping[str, Weight], name: str, value: Any) -> Any:
    """A state array in the declared shape and dtype."""
    if name not in weights or weights[name].trainable:
        known = [n for n, w in weights.items() if not w.trainable]
        raise StateWriteError(
            f"{place}: expected update() of declared state ({', '.join(known) or 'none here'}), "
            f"got {name!r}. Declare it in build: "
            f"self.{name} = self.add_weight(..., trainable=False)."
        )
    value = jnp.asarray(value, weights[name].dtype)
    if value.shape != weights[name].shape:
        raise ShapeError(
            f"{place}: expected {name} of shape {weights[name].shape}, got {value.shape}."
        )
    return value


def check_assignment(layer: "Layer", name: str, value: Any) -> None:
    """Refuse attributes assigned in `call`, and configuration changed after `build`."""
    core = layer._core
    place = f"{layer.name} ({type(layer).__name__})"
    if isinstance(value, list | tuple) and any(isinstance(item, Weight) for item in value):
        raise FrozenConfigError(
            f"{place}: expected a list of weights alone as {name!r}, got one with other things in "
            "it. Keep these in an attribute of their own."
        )
    if not core.built or core.building:
        return
    if current_frame() is not None:
        raise FrozenConfigError(
            f"{place}: expected call() to leave attributes alone, got self.{name} = .... Declare "
            f"state in build with add_weight(trainable=False) and write self.update({name}=...)."
        )
    config_names = layer.__dict__.get("_config_names", ())
    if name in config_names and layer.__dict__.get(name) is not value:
        raise FrozenConfigError(
            f"{place}: expected configuration to stay as it was built, got {name} = {value!r}. "
            f"Make a new layer: {type(layer).__name__}({name}=...)."
        )


def missing_attribute(layer: "Layer", name: str) -> str:
    """The text of an AttributeError, with a word on weights that do not exist yet."""
    kind = type(layer).__name__
    core = layer.__dict__.get("_core")
    if core is None or core.built:
        return f"{kind} has no attribute {name!r}"
    return (
        f"{kind} {layer.name!r} has no attribute {name!r} (yet: it is not built, and weights "
        "appear when it is called on data, or by build(input_shape))"
    )


def pure_initializer(initializer: Any) -> Callable[[Any, tuple[int, ...], Any], jax.Array]:
    """`f(key, shape, dtype)` from an Initializer, a JAX one, or Keras' `f(shape, dtype)`."""
    if hasattr(initializer, "sample"):
        return initializer.sample
    names = list(inspect.signature(initializer).parameters)
    if names and names[0] in ("shape", "size"):
        return lambda key, shape, dtype: jnp.asarray(initializer(shape, dtype=dtype))
    return initializer


def cast_float(array: Any, dtype: str) -> Any:
    """A float array in another float type; anything else as it is."""
    return array.astype(dtype) if jnp.issubdtype(array.dtype, jnp.floating) else array


def read_weight(array: Any, dtype: str | None) -> Any:
    """A weight of the frame as a layer reads it, cast if there is a dtype."""
    placement = step_placement()
    if placement is not None:
        return placement.read(array, dtype)
    return array if dtype is None else cast_float(array, dtype)


def changed_arguments(layer: "Layer") -> dict[str, Any]:
    """The arguments of `__init__` that differ from their defaults."""
    arguments = layer.__dict__.get("_init_arguments", {})
    parameters = inspect.signature(type(layer).__init__).parameters
    changed = {}
    for name, value in arguments.items():
        default = parameters[name].default if name in parameters else None
        same = value is default or (type(value) is type(default) and value == default)
        if not same:
            changed[name] = getattr(value, "config_name", value)
    return changed | ({"name": layer.name} if "name" not in changed else {})
