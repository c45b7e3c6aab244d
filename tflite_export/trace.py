"""From a function and its input specs to a jaxpr whose free sizes are symbols."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
from jax.extend.core import InconclusiveDimensionOperation

from .errors import InputSpecError
from .names import unique
from .specs import InputLeaf, read_specs

_MISTAKES: tuple[tuple[Any, str, str], ...] = (
    (
        (
            jax.errors.ConcretizationTypeError,
            jax.errors.NonConcreteBooleanIndexError,
            jax.errors.TracerIntegerConversionError,
        ),
        "a function whose control flow does not depend on the values of its inputs",
        "Use jnp.where instead of `if`, or decide outside the exported function.",
    ),
    (
        jax.errors.TracerArrayConversionError,
        "a function of jax.numpy",
        "Turn numpy arrays that inputs index into jax ones, jnp.asarray(table)[x], and call jnp "
        "functions instead of np ones.",
    ),
    (
        InconclusiveDimensionOperation,
        "a function that works for any size of the dimensions given as None",
        "Give that dimension as a number in the input specs.",
    ),
)


@dataclass(frozen=True)
class Traced:
    """A traced function: its jaxpr, and the names of what goes in and comes out."""

    jaxpr: Any
    inputs: list[InputLeaf]
    output_names: list[str]
    tree: Any  # structure of the positional arguments


def trace(fn: Callable[..., Any], specs: Any) -> Traced:
    """Trace `fn` on symbolic arrays.

    Args:
        fn: a pure function of arrays and pytrees of arrays.
        specs: one pytree of specs for each positional argument.

    Returns:
        The jaxpr with the names of inputs and outputs.

    Raises:
        InputSpecError: the specs cannot be read, or the function needs a size that is None.
    """
    leaves, tree = read_specs(specs, fn)
    struct: Any = jax.ShapeDtypeStruct
    structs = [struct(leaf.shape, leaf.dtype) for leaf in leaves]
    args = jax.tree_util.tree_unflatten(tree, structs)
    try:
        jaxpr, out_shape = jax.make_jaxpr(fn, return_shape=True)(*args)
    except Exception as error:
        explained = _explained(error, fn)
        if explained is not None:
            raise explained from error
        given = ", ".join(map(str, args))
        error.add_note(f"export_tflite called the function on ({given}), as its specs say.")
        raise
    names = _output_names(out_shape)
    if not names:
        raise InputSpecError(
            _name(fn),
            "a function that returns arrays",
            repr(out_shape),
            "Return what the file shall compute.",
        )
    return Traced(jaxpr, leaves, names, tree)


def _explained(error: Exception, fn: Callable[..., Any]) -> InputSpecError | None:
    """What to write instead, where JAX refuses what no file could hold either."""
    for kinds, expected, remedy in _MISTAKES:
        if isinstance(error, kinds):
            got = f"a {type(error).__name__}: {str(error).splitlines()[0]}"
            return InputSpecError(_name(fn), expected, got, remedy)
    return None


def _name(fn: Callable[..., Any]) -> str:
    return getattr(fn, "__name__", "function")


def _output_names(out_shape: Any) -> list[str]:
    """Dict keys where the result is a dict, `output_0`, `output_1` ... otherwise."""
    flat, _ = jax.tree_util.tree_flatten_with_path(out_shape)
    names = []
    for number, (path, _) in enumerate(flat):
        keyed = bool(path) and isinstance(path[0], jax.tree_util.DictKey)
        parts = [str(getattr(key, "key", getattr(key, "idx", key))) for key in path]
        names.append("_".join(parts) if keyed else f"output_{number}")
    return unique(names)
