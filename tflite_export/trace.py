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
    except (
        jax.errors.ConcretizationTypeError,
        jax.errors.NonConcreteBooleanIndexError,
    ) as error:
        raise InputSpecError(
            getattr(fn, "__name__", "function"),
            "a function whose control flow does not depend on the values of its inputs",
            f"a {type(error).__name__}: {str(error).splitlines()[0]}",
            "Use jnp.where instead of `if`, or decide outside the exported function.",
        ) from error
    except jax.errors.TracerArrayConversionError as error:
        raise InputSpecError(
            getattr(fn, "__name__", "function"),
            "a function of jax.numpy",
            f"a {type(error).__name__}: {str(error).splitlines()[0]}",
            "Turn numpy arrays that inputs index into jax ones, jnp.asarray(table)[x], and call "
            "jnp functions instead of np ones.",
        ) from error
    except InconclusiveDimensionOperation as error:
        raise InputSpecError(
            getattr(fn, "__name__", "function"),
            "a function that works for any size of the dimensions given as None",
            f"a comparison that depends on it: {str(error).splitlines()[0]}",
            "Give that dimension as a number in the input specs.",
        ) from error
    names = _output_names(out_shape)
    if not names:
        raise InputSpecError(
            getattr(fn, "__name__", "function"),
            "a function that returns arrays",
            repr(out_shape),
            "Return what the file shall compute.",
        )
    return Traced(jaxpr, leaves, names, tree)


def _output_names(out_shape: Any) -> list[str]:
    """Dict keys where the result is a dict, `output_0`, `output_1` ... otherwise."""
    flat, _ = jax.tree_util.tree_flatten_with_path(out_shape)
    names = []
    for number, (path, _) in enumerate(flat):
        keyed = bool(path) and isinstance(path[0], jax.tree_util.DictKey)
        parts = [str(getattr(key, "key", getattr(key, "idx", key))) for key in path]
        names.append("_".join(parts) if keyed else f"output_{number}")
    return unique(names)
