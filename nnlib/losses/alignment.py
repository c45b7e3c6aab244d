"""Targets and outputs brought to one float type and one rank, as Keras does it."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from nnlib.core.errors import DTypeError, ShapeError
from nnlib.core.settings import floatx

F = TypeVar("F", bound=Callable[..., Any])


def elementwise(function: F) -> F:
    """Mark a mean over single elements: an output of shape (batch,) then stands for (batch, 1)."""
    function.elementwise = True  # type: ignore[attr-defined]
    return function


def is_elementwise(function: Any) -> bool:
    """Whether `function` was marked by `elementwise`."""
    return getattr(function, "elementwise", False)


def across_rows(function: F) -> F:
    """Mark a function whose values depend on other rows of the batch than their own."""
    function.across_rows = True  # type: ignore[attr-defined]
    return function


def is_across_rows(function: Any) -> bool:
    """Whether `function` was marked by `across_rows`."""
    return getattr(function, "across_rows", False)


def as_array(place: str, value: Any, dtype: Any) -> jax.Array:
    """`value` as an array of `dtype`; DTypeError for strings and objects."""
    if not isinstance(value, jax.Array) and hasattr(value, "__jax_array__"):
        value = value.__jax_array__()  # a variable of a metric
    if not isinstance(value, jax.Array):
        value = np.asarray(value)
        if value.dtype.kind in "OSUVMm":
            raise DTypeError(
                f"{place}: expected numbers, got an array of dtype {value.dtype}. "
                "Turn it into numbers first."
            )
    return jnp.asarray(value, dtype)


def as_float(place: str, value: Any) -> jax.Array:
    """`value` as an array of floats: of its own float type, else of `floatx()`."""
    array = as_array(place, value, None)
    return array if jnp.issubdtype(array.dtype, jnp.floating) else array.astype(floatx())


def map_arrays(convert: Callable[[Any], Any], tree: Any) -> Any:
    """`convert` on every array; a list of numbers is one array, as Keras takes it."""
    if isinstance(tree, Mapping):
        return {key: map_arrays(convert, value) for key, value in tree.items()}
    if isinstance(tree, list | tuple) and any(hasattr(item, "shape") for item in tree):
        return type(tree)(map_arrays(convert, item) for item in tree)
    return convert(tree)


def align_ranks(first: Any, second: Any) -> tuple[Any, Any]:
    """The two arrays with a last axis of size 1 added or dropped where only one has it.

    >>> align_ranks(np.zeros(4), np.zeros((4, 1)))[0].shape
    (4, 1)
    >>> align_ranks(np.zeros((4, 2)), np.zeros((4, 2, 1)))[1].shape
    (4, 2)
    """
    if first.ndim == second.ndim + 1:
        second, first = align_ranks(second, first)
    elif second.ndim == first.ndim + 1 and second.shape[-1] == 1:
        if first.ndim == 1:
            first = first[..., None]
        else:
            second = second[..., 0]
    return first, second


def float_pair(place: str, y_true: Any, y_pred: Any) -> tuple[jax.Array, jax.Array]:
    """(y_true, y_pred) as floats of y_pred's type, of one rank, and of shapes that broadcast."""
    y_pred = as_float(place, y_pred)
    y_true, y_pred = align_ranks(as_array(place, y_true, y_pred.dtype), y_pred)
    check_broadcast(place, y_true.shape, y_pred.shape)
    return y_true, y_pred


def form_of_classes(targets: Any, output: Any) -> int:
    """0 for binary, 1 for one-hot, 2 for sparse targets, by the shapes of targets and output.

    >>> form_of_classes((4,), (4, 1)), form_of_classes((4,), (4, 3))
    (0, 2)
    """
    if len(output) == 0 or output[-1] == 1:
        return 0
    one_label = len(targets) == len(output) and targets[-1] == 1
    return 2 if len(targets) < len(output) or one_label else 1


def check_broadcast(place: str, targets: Any, output: Any) -> None:
    """ShapeError unless the shapes are equal, or 1 where they differ."""
    fit = len(targets) == len(output) > 0 and all(
        t == o or 1 in (t, o) for t, o in zip(targets, output, strict=True)
    )
    if not fit:
        raise ShapeError(
            f"{place}: expected targets of the output's shape {tuple(output)}, "
            f"got {tuple(targets)}. Give both one shape."
        )


def check_equal(place: str, targets: Any, output: Any) -> None:
    """ShapeError unless the shapes are equal."""
    if tuple(targets) != tuple(output) or not len(output):
        raise ShapeError(
            f"{place}: expected targets of the output's shape {tuple(output)}, "
            f"got {tuple(targets)}. Give both one shape."
        )
