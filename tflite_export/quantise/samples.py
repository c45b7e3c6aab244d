"""Representative data: from whatever a user has it in to one array for each input."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..dim_expression import evaluate, symbols_of
from ..errors import QuantisationError
from ..specs import InputLeaf
from ..symbolic import describe, is_static
from ..trace import Traced

_CHUNK = 32  # examples of one large array that run at a time
_WHERE = "representative"


def read_samples(representative: Any, traced: Traced) -> Iterator[list[np.ndarray]]:
    """The samples one after the other, checked against the inputs.

    Args:
        representative: an iterable of samples, or a function that returns one. A sample is an
            array, a sequence of arrays in the order of the inputs, a dict by their names, or a
            pytree like the function's arguments. A single array, or a dict or tuple of them, is
            cut into batches.
        traced: the function that they are for.

    Yields:
        One array for each input, in order.

    Raises:
        QuantisationError: there are no samples, or one does not fit the inputs.
    """
    if representative is None:
        raise QuantisationError(
            _WHERE,
            "data that the model will see, to find the ranges of its values",
            "None",
            "Pass representative=an array of examples, or an iterable of batches.",
        )
    found = False
    for sample in _iterate(representative, traced):
        arrays = _arrays_of(sample, traced)
        _check(arrays, traced)
        found = True
        yield arrays
    if not found:
        raise QuantisationError(
            _WHERE, "at least one sample", "none", "A generator can be read once: pass a list."
        )


def sizes_of(arrays: Sequence[np.ndarray], traced: Traced) -> dict[str, int]:
    """The number that each free size has in a sample."""
    return {
        str(dim): int(size)
        for array, leaf in zip(arrays, traced.inputs, strict=True)
        for dim, size in zip(leaf.shape, array.shape, strict=True)
        if not is_static(dim) and symbols_of(dim) == {str(dim)}
    }


def _iterate(representative: Any, traced: Traced) -> Iterator[Any]:
    data = representative() if callable(representative) else representative
    whole = isinstance(data, (np.ndarray, jax.Array, Mapping)) or (
        isinstance(data, tuple) and len(data) == len(traced.inputs) and _fits(data, traced)
    )
    if not whole:
        if isinstance(data, str | bytes) or not isinstance(data, Iterable):
            raise QuantisationError(
                _WHERE,
                "an array, or an iterable of samples",
                repr(data)[:60],
                "Load files first, for example with np.load.",
            )
        yield from data
        return
    arrays = _arrays_of(data, traced)
    first = traced.inputs[0].shape[:1]
    step = int(first[0]) if first and is_static(first[0]) else _CHUNK
    batched = all(
        array.ndim and len(array) == len(arrays[0]) and str(leaf.shape[:1]) == str(first)
        for array, leaf in zip(arrays, traced.inputs, strict=True)
    )
    if not batched or len(arrays[0]) <= step:
        yield arrays
        return
    # The last batch overlaps the one before: one of another size would compile everything again.
    last = len(arrays[0]) - step
    for start in [*range(0, last, step), last]:
        yield [array[start : start + step] for array in arrays]


def _fits(data: Sequence[Any], traced: Traced) -> bool:
    """Whether a tuple is one sample of several inputs, and not several samples."""
    return all(
        hasattr(array, "ndim") and array.ndim == len(leaf.shape)
        for array, leaf in zip(data, traced.inputs, strict=True)
    ) and (len(data) > 1 or len(traced.inputs) == 1)


def _arrays_of(sample: Any, traced: Traced) -> list[np.ndarray]:
    """The arrays of a sample in the order of the inputs, in their dtypes."""
    leaves = traced.inputs
    names = [leaf.name for leaf in leaves]
    if isinstance(sample, Mapping) and set(sample) == set(names):
        found = [sample[name] for name in names]
    else:
        found = jax.tree_util.tree_leaves(sample)
    if len(found) != len(leaves) or (isinstance(sample, Mapping) and not _is_tree(sample, traced)):
        keys = sorted(map(str, sample)) if isinstance(sample, Mapping) else None
        raise QuantisationError(
            _WHERE,
            f"samples of {len(leaves)} arrays ({', '.join(names)})",
            f"one of {len(found)}" if keys is None else f"a dict of {', '.join(keys)}",
            "Yield a list of arrays, or a dict by input name.",
        )
    return [_as_dtype(value, leaf) for value, leaf in zip(found, leaves, strict=True)]


def _is_tree(sample: Mapping[str, Any], traced: Traced) -> bool:
    """Whether a dict by other keys than names is built like the function's arguments."""
    if set(sample) == {leaf.name for leaf in traced.inputs}:
        return True
    structure = jax.tree_util.tree_structure
    return traced.tree in (structure(sample), structure((sample,)))


def _as_dtype(value: Any, leaf: InputLeaf) -> np.ndarray:
    """An array in the dtype of an input, if that holds its numbers."""
    try:
        array = np.asarray(value)
    except ValueError:  # lists of different lengths
        array = np.asarray(None)
    real = jnp.issubdtype(array.dtype, np.number) or array.dtype == np.bool_
    if not real or jnp.issubdtype(array.dtype, np.complexfloating):
        what = type(value).__name__ if array.dtype == object else str(array.dtype)
        raise QuantisationError(
            f"{_WHERE}, input {leaf.name!r}",
            f"an array of {leaf.dtype}",
            what,
            "Convert the data with np.asarray first.",
        )
    with np.errstate(all="ignore"):
        cast = array.astype(leaf.dtype)
    if not np.issubdtype(leaf.dtype, np.floating) and not np.array_equal(cast, array):
        raise QuantisationError(
            f"{_WHERE}, input {leaf.name!r}",
            f"values that {leaf.dtype} holds",
            f"others in {array.dtype}",
            "Round or look up the data first.",
        )
    return cast


def _check(arrays: Sequence[np.ndarray], traced: Traced) -> None:
    for array, leaf in zip(arrays, traced.inputs, strict=True):
        if array.ndim != len(leaf.shape) or not array.size:
            raise _misfit(array, leaf)
    sizes = sizes_of(arrays, traced)
    for array, leaf in zip(arrays, traced.inputs, strict=True):
        if array.shape != tuple(evaluate(dim, sizes) for dim in leaf.shape):
            raise _misfit(array, leaf)
        if np.issubdtype(array.dtype, np.floating) and not np.isfinite(array).all():
            raise QuantisationError(
                _WHERE, "finite numbers", f"inf or NaN in {leaf.name!r}", "Clean the data first."
            )


def _misfit(array: np.ndarray, leaf: Any) -> QuantisationError:
    return QuantisationError(
        f"{_WHERE}, input {leaf.name!r}",
        f"an array of shape {describe(leaf.shape)}",
        f"shape {describe(array.shape)}",
        "Each sample is a whole batch, with a batch axis of any size: x[None] adds one.",
    )
