"""A batch of which only the shapes are known."""

import re
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from nnlib import losses
from nnlib.core.errors import ArgumentError
from nnlib.training.batch import Batch, as_batch, row_count


def batch_specs(model: Any, given: Any) -> Batch:
    """The batch that is meant.

    Args:
        model: compiled, with one output if the batch is a number.
        given: arrays or `jax.ShapeDtypeStruct`s as `fit` takes them, or a number of rows.

    Raises:
        ArgumentError: for what is none of them, or does not say enough.
    """
    if isinstance(given, int | np.integer) and not isinstance(given, bool):
        return _rows_of(model, int(given))
    leaves = jax.tree.leaves(given)
    arrays = all(hasattr(leaf, "shape") and hasattr(leaf, "dtype") for leaf in leaves)
    if not leaves or not arrays:
        raise ArgumentError(
            "plan: expected batch to be a number of rows, or arrays (x, y), got "
            f"{type(given).__name__}."
        )
    batch = as_batch(given)
    _check_rows(row_count(batch.x))
    return batch


def _check_rows(rows: int) -> None:
    if rows < 1:
        raise ArgumentError(f"plan: expected a number of rows above 0, got {rows}.")


def _rows_of(model: Any, rows: int) -> Batch:
    """So many rows of what the model takes, and of what its loss compares outputs with."""
    _check_rows(rows)
    inputs = model.input_specs
    x = jax.tree.map(lambda spec: _rows(rows, spec.shape[1:], spec.dtype), inputs[0])
    shapes = model.output_shape
    loss = model.trainer.compiled.loss
    name = loss if isinstance(loss, str) else type(loss).__name__
    if not isinstance(loss, str | losses.Loss) or not _is_shape(shapes):
        raise ArgumentError(
            "plan: expected a model of one output with a loss of nnlib, got another: a number of "
            "rows does not say what its targets are. Pass batch=(x, y), of arrays or "
            "jax.ShapeDtypeStruct."
        )
    if re.search(r"sparse", name, re.IGNORECASE):
        return Batch(x, _rows(rows, shapes[1:-1], np.int32))
    return Batch(x, _rows(rows, shapes[1:], np.float32))


def _is_shape(shape: Any) -> bool:
    return isinstance(shape, tuple) and all(size is None or isinstance(size, int) for size in shape)


def _rows(rows: int, shape: Sequence[int | None], dtype: Any) -> jax.ShapeDtypeStruct:
    if None in shape:
        raise ArgumentError(
            f"plan: expected a model whose inputs have fixed sizes, got {tuple(shape)}. Pass "
            "arrays or jax.ShapeDtypeStruct as batch=(x, y)."
        )
    return jax.ShapeDtypeStruct((rows, *shape), dtype)
