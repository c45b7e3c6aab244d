"""Elements: nested tuples and dicts of arrays. A list is a leaf, an array to be, as in tf.data."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from nnlib.core.errors import DataError, DTypeError

_INT32 = np.iinfo(np.int32)


def is_namedtuple(value: Any) -> bool:
    """Whether `value` is a tuple with named fields."""
    return isinstance(value, tuple) and hasattr(value, "_fields")


def map_structure(function: Callable[..., Any], first: Any, *others: Any) -> Any:
    """`function` of each leaf of `first`, with what stands at its place in the others.

    >>> map_structure(lambda a, b: a + b, (1, {"x": 2}), (10, {"x": 20}))
    (11, {'x': 22})
    """
    if isinstance(first, tuple):
        for other in others:
            if not isinstance(other, tuple | list) or len(other) != len(first):
                raise _mismatch(first, other)
        parts = [map_structure(function, *group) for group in zip(first, *others, strict=True)]
        return type(first)(*parts) if is_namedtuple(first) else tuple(parts)
    if isinstance(first, Mapping):
        for other in others:
            if not isinstance(other, Mapping) or set(other) != set(first):
                raise _mismatch(first, other)
        return {
            key: map_structure(function, value, *(other[key] for other in others))
            for key, value in first.items()
        }
    return function(first, *others)


def _mismatch(first: Any, other: Any) -> DataError:
    return DataError(
        f"nn.data: expected elements of one structure, got {outline(first)} and {outline(other)}."
    )


def outline(structure: Any) -> str:
    """The structure as text, with `*` for a leaf."""
    if isinstance(structure, Mapping):
        return "{" + ", ".join(f"{k!r}: {outline(v)}" for k, v in structure.items()) + "}"
    if isinstance(structure, tuple):
        return "(" + ", ".join(map(outline, structure)) + ("," if len(structure) == 1 else "") + ")"
    return "*"


def leaves(structure: Any) -> Iterator[Any]:
    """The leaves in order."""
    if isinstance(structure, tuple):
        for part in structure:
            yield from leaves(part)
    elif isinstance(structure, Mapping):
        for part in structure.values():
            yield from leaves(part)
    else:
        yield structure


def as_leaf(value: Any) -> Any:
    """`value` as an array; Python numbers as int32 and float32 like tf.data, None as it is.

    Arrays keep their dtype, jax arrays stay on their device, bytes stay bytes.

    >>> as_leaf([1.5, 2]).dtype, as_leaf(3).dtype
    (dtype('float32'), dtype('int32'))
    """
    if value is None or isinstance(value, bytes | np.generic | np.ndarray):
        return value
    if (hasattr(value, "dtype") and hasattr(value, "shape")) or hasattr(value, "element_spec"):
        return value  # a jax array, or a dataset as window makes them
    if hasattr(value, "to_numpy"):  # a data frame or series
        return value.to_numpy()
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise DataError(
            "nn.data: expected rows of one length, got a ragged list. Pad them, or give them "
            "through from_generator and padded_batch."
        ) from error
    if array.dtype == object:
        raise DTypeError(
            f"nn.data: expected arrays, numbers or strings, got {type(value).__name__}. Turn it "
            "into an array first; tuples and dicts may be nested, lists are arrays."
        )
    return array if _typed(value) else _small(array)


def _typed(value: Any) -> bool:
    """Whether a list begins with something that has a dtype of its own."""
    while isinstance(value, list | tuple) and value:
        value = value[0]
    return hasattr(value, "dtype")


def _small(array: np.ndarray) -> Any:
    if array.dtype == np.float64:
        array = array.astype(np.float32)
    elif array.dtype == np.int64 and (
        not array.size or (array.max() <= _INT32.max and array.min() >= _INT32.min)
    ):
        array = array.astype(np.int32)
    return array[()]


def as_element(value: Any) -> Any:
    """What a user's function returned, as an element; a list at the top counts as a tuple."""
    return map_structure(as_leaf, tuple(value) if isinstance(value, list) else value)


def call(function: Callable[..., Any], element: Any) -> Any:
    """`function` of an element: tuples are spread over its arguments."""
    return function(*element) if type(element) is tuple else function(element)


def stack(elements: list[Any]) -> Any:
    """One element with a new first axis.

    Raises:
        DataError: for elements of different shapes or structures.
    """
    return map_structure(_stack_leaves, *elements)


def _stack_leaves(*parts: Any) -> Any:
    first = parts[0]
    for part in parts:
        if isinstance(part, tuple | dict):
            raise _mismatch(first, part)
    if first is None:
        return None
    if isinstance(first, bytes):
        return np.array(parts, object)
    try:
        return np.array(parts) if isinstance(first, np.generic) else np.stack(parts)
    except ValueError as error:
        shapes = sorted({np.shape(part) for part in parts})
        raise DataError(
            f"batch: expected elements of one shape, got {' and '.join(map(str, shapes[:2]))}. "
            "Use padded_batch, or bring them to one shape with map."
        ) from error


def to_numpy(element: Any) -> Any:
    """The element with jax arrays fetched from their device."""
    return map_structure(_numpy_leaf, element)


def _numpy_leaf(leaf: Any) -> Any:
    if leaf is None or isinstance(leaf, bytes | np.generic | np.ndarray):
        return leaf
    return leaf if hasattr(leaf, "element_spec") else np.asarray(leaf)
