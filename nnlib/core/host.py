"""Values that stay on the host: strings, which no device holds, and the layers that take them.

A layer with `on_host = True` has, beside `call` for traced arrays, `call_on_host` for values that
are known: it works in NumPy and may take and return strings. `host_output_spec` says the shapes
that it gives for symbols of strings.
"""

from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from nnlib.core.errors import DTypeError
from nnlib.core.specs import STRING_KINDS

if TYPE_CHECKING:
    from nnlib.core.layer import Layer


def is_string(leaf: Any) -> bool:
    """Whether `leaf` is a string, or an array, a spec or a symbol of strings or objects."""
    if hasattr(leaf, "to_numpy"):
        return False  # a series: `string_arrays` looks at its values
    kind = getattr(getattr(leaf, "dtype", None), "kind", "")
    return isinstance(leaf, str | bytes) or kind in STRING_KINDS


def has_strings(tree: Any) -> bool:
    """Whether a string is anywhere in this pytree."""
    return any(map(is_string, jax.tree.leaves(tree)))


def is_concrete(tree: Any) -> bool:
    """Whether all values are known: none is traced."""
    return not any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(tree))


def runs_on_host(layer: "Layer", arguments: Any) -> bool:
    """Whether this call of `layer` works in NumPy."""
    return layer.on_host and is_concrete(arguments)


def run(layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A call of a host layer alone, on values as the user gave them."""
    layer.built = True
    kwargs.pop("training", None)  # it makes no difference to any of them
    return layer.call_on_host(*args, **kwargs)


def string_arrays(tree: Any) -> Any:
    """`tree`, with arrays of strings in place of (nested) lists and series of strings.

    >>> string_arrays(["a", "b"]).shape
    (2,)
    """
    if isinstance(tree, dict):
        return {name: string_arrays(value) for name, value in tree.items()}
    if isinstance(tree, str | bytes):
        return np.asarray(tree)
    if isinstance(tree, list | tuple):
        leaves = jax.tree.leaves(tree)
        if leaves and all(isinstance(leaf, str | bytes) for leaf in leaves):
            return np.asarray(tree)
        return type(tree)(map(string_arrays, tree)) if type(tree) in (list, tuple) else tree
    if hasattr(tree, "to_numpy") and is_string(array := tree.to_numpy()):
        types = set(map(type, array.ravel().tolist()))
        return array if types <= {str, bytes} else tree  # a frame of numbers may be of objects too
    return tree


def output_spec(layer: Any, inputs: tuple[Any, ...]) -> Any:
    """The specs that `layer` gives for specs of strings.

    Raises:
        DTypeError: for a layer that takes numbers only.
    """
    if not hasattr(layer, "host_output_spec"):
        refuse_strings(inputs, f"{layer.name} ({type(layer).__name__})")
    return layer.host_output_spec(*inputs)


def refuse_strings(inputs: Any, place: str) -> None:
    """Raise DTypeError if there are strings among the inputs."""
    leaves = jax.tree.leaves(inputs, is_leaf=lambda leaf: hasattr(leaf, "dtype"))
    if any(map(is_string, leaves)):
        raise DTypeError(
            f"{place}: expected numbers, got strings. Put a layer in front that turns them into "
            "numbers: StringLookup, Hashing or TextVectorization."
        )
