"""Input specs: from pytrees of things with `.shape` and `.dtype` to named, symbolic arrays."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from .errors import InputSpecError
from .names import unique
from .schema_tables import TENSOR_TYPES
from .symbolic import Shape


@dataclass(frozen=True)
class TensorSpec:
    """Shape, dtype and name of an input; anything with these attributes serves as well.

    Args:
        shape: sizes; None is a dimension that the caller of the file chooses, a string names one
            ("length" in two inputs means that both are equal there).
        dtype: dtype of the elements, float32 by default.
        name: name of the input in the file; by default the argument's name or the dict key.

    Example:
        >>> TensorSpec((None, 784)).shape
        (None, 784)
    """

    shape: tuple[int | str | None, ...]
    dtype: Any = np.float32
    name: str | None = None


@dataclass(frozen=True)
class InputLeaf:
    """One input of the file: its name in the signature, and its shape with jax.export symbols."""

    name: str
    shape: Shape
    dtype: np.dtype


def is_spec(node: Any) -> bool:
    """Whether a pytree node is a leaf of specs. A spec may be a tuple itself."""
    return hasattr(node, "shape") and hasattr(node, "dtype")


def read_specs(specs: Any, fn: Callable[..., Any]) -> tuple[list[InputLeaf], Any]:
    """Flatten the specs of a function's positional arguments.

    Args:
        specs: a tuple with one pytree for each positional argument; a single pytree that is no
            plain tuple is taken as the only argument.
        fn: the function, for the names of its arguments.

    Returns:
        The leaves, and the tree structure of the arguments.

    Raises:
        InputSpecError: a leaf has no shape or dtype, or a dtype that no file can hold.
    """
    if isinstance(specs, str | os.PathLike):
        raise InputSpecError(
            "specs", "TensorSpec((None, 784)) or the like", repr(specs), "Write path='m.tflite'."
        )
    args = specs if isinstance(specs, tuple) and not is_spec(specs) else (specs,)
    flat, tree = jax.tree_util.tree_flatten_with_path(args, is_leaf=is_spec)
    arguments = _argument_names(fn)
    for path, leaf in flat:
        _check_leaf(_path_name(path, arguments), leaf)
    names = unique([_leaf_name(path, leaf, arguments) for path, leaf in flat])
    shapes = _symbolic_shapes([tuple(leaf.shape) for _, leaf in flat])
    leaves = [
        InputLeaf(name, shape, np.dtype(leaf.dtype))
        for name, shape, (_, leaf) in zip(names, shapes, flat, strict=True)
    ]
    return leaves, tree


def _check_leaf(where: str, leaf: Any) -> None:
    if not is_spec(leaf):
        raise InputSpecError(
            f"input {where!r}",
            "a spec with .shape and .dtype",
            repr(leaf),
            "Pass TensorSpec((None, 784)), jax.ShapeDtypeStruct or an array.",
        )
    try:
        known = np.dtype(leaf.dtype) in TENSOR_TYPES
    except TypeError:
        known = False
    if not known:
        raise InputSpecError(
            f"input {where!r}",
            "dtype " + ", ".join(dtype.name for dtype in TENSOR_TYPES),
            str(leaf.dtype),
            "Declare the input as float32 or int32 and cast inside the function.",
        )
    if any(isinstance(dim, (int, np.integer)) and dim < 1 for dim in leaf.shape):
        raise InputSpecError(
            f"input {where!r}",
            "sizes of at least 1",
            f"shape {tuple(leaf.shape)}",
            "Write None for a size that the caller of the file chooses.",
        )


def _symbolic_shapes(shapes: Sequence[Sequence[Any]]) -> list[Shape]:
    """Shapes with None and names replaced by symbols: None is `b` on axis 0 and `d<axis>` after it.

    One symbol for all axes would let `x.shape[0] == x.shape[1]` hold while tracing, and so give
    files that are wrong for other sizes. The same axis of two inputs does share its symbol.
    """
    texts = [[_dim_text(dim, axis) for axis, dim in enumerate(shape)] for shape in shapes]
    symbols = sorted(
        {word for dims in texts for dim in dims for word in re.findall(r"[A-Za-z_]\w*", dim)}
    )
    # At least 2, so that no comparison with 1 (broadcasting) is undecided while tracing.
    scope = jax.export.SymbolicScope([f"{symbol} >= 2" for symbol in symbols])
    return [tuple(jax.export.symbolic_shape(",".join(dims), scope=scope)) for dims in texts]


def _dim_text(dim: Any, axis: int) -> str:
    if dim is None:
        return "b" if axis == 0 else f"d{axis}"
    return str(dim)


def _argument_names(fn: Callable[..., Any]) -> list[str]:
    try:
        parameters = inspect.signature(fn).parameters.values()
    except (TypeError, ValueError):
        return []
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [p.name for p in parameters if p.kind in kinds]


def _leaf_name(path: Sequence[Any], leaf: Any, arguments: Sequence[str]) -> str:
    name = getattr(leaf, "name", None)
    return str(name) if name else _path_name(path, arguments)


def _path_name(path: Sequence[Any], arguments: Sequence[str]) -> str:
    """`x`, `image` for a dict key of the only level below the argument, `x_0_mask` below that."""
    index = path[0].idx
    keys = [
        str(getattr(key, "key", getattr(key, "idx", getattr(key, "name", key)))) for key in path[1:]
    ]
    if keys and not keys[0].isdigit():
        return "_".join(keys)
    first = arguments[index] if index < len(arguments) else f"input_{index}"
    return "_".join([first, *keys])
