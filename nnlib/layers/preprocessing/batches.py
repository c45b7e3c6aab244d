"""The data that `adapt` looks at, batch by batch."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import jax
import numpy as np

from nnlib.core.errors import ArgumentError, DataError
from nnlib.layers.checks import positive_int


def is_whole(data: Any) -> bool:
    """Whether `data` is all rows at once: an array, a series, a list of values; no batches."""
    if isinstance(data, str | bytes | np.ndarray | np.generic | jax.Array):
        return True
    if hasattr(data, "to_numpy"):
        return True
    if isinstance(data, list) and data:
        first = data[0][0] if isinstance(data[0], tuple) and data[0] else data[0]
        return not getattr(first, "shape", ())
    return isinstance(data, list | tuple)


def batches(data: Any, batch_size: Any, steps: Any, place: str) -> Iterator[Any]:
    """Batches of `data`: cut from an array, or those of a data set or generator.

    Of batches that are tuples, as `(x, y)`, the first part counts.

    Args:
        data: see `is_whole`; else any iterable of batches.
        batch_size: rows of a batch cut from an array; all if None.
        steps: at most so many batches; all if None.
        place: for errors.
    """
    steps = None if steps is None else positive_int(place, "steps", steps)
    size = None if batch_size is None else positive_int(place, "batch_size", batch_size)
    if is_whole(data):
        sized = isinstance(data, list | tuple) or getattr(data, "ndim", 0) > 0
        found: Any = [] if sized and not len(data) else [data] if size is None else _cut(data, size)
    elif size is not None:
        raise ArgumentError(
            f"{place}: expected batch_size=None for data that comes in batches, got {size}."
        )
    elif not hasattr(data, "__iter__"):
        raise ArgumentError(f"{place}: expected an array or batches, got {type(data).__name__}.")
    else:
        found = data
    empty = True
    for batch in islice(found, steps):
        empty = False
        yield batch[0] if isinstance(batch, tuple) and not is_whole(data) else batch
    if empty:
        raise DataError(f"{place}: expected at least one batch, got none.")


def _cut(data: Any, size: int) -> Iterator[Any]:
    rows = data.to_numpy() if hasattr(data, "to_numpy") else data
    for start in range(0, len(rows), size):
        yield rows[start : start + size]
