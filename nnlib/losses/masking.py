"""The mask of an output, merged into the weights of its samples."""

from typing import Any

import jax
import jax.numpy as jnp

from nnlib.losses.alignment import align_ranks


def apply_mask(
    sample_weight: Any, mask: Any, dtype: Any, reduction: str | None, row_mask: Any = None
) -> jax.Array | None:
    """Weights that leave masked places out; `sample_weight` itself where there is no mask.

    For the reductions that divide by the number of values ("sum_over_batch_size", "mean") the
    places left weigh `total / valid`, so that the mean is over them alone.

    Args:
        sample_weight: None, (batch,), or of the mask's shape.
        mask: None, or booleans (batch, steps): True is real.
        dtype: of the weights.
        reduction: of the loss; "sum" for metrics.
        row_mask: (batch,), 0 for rows that only fill up the batch: they count neither in total nor
            in valid, and weigh 0.

    >>> apply_mask(None, [[True, False], [True, True]], "float32", "sum").tolist()
    [[1.0, 0.0], [1.0, 1.0]]
    >>> apply_mask(None, [[True, False], [False, False]], "float32", "mean").tolist()
    [[4.0, 0.0], [0.0, 0.0]]
    """
    if mask is None:
        return None if sample_weight is None else jnp.asarray(sample_weight, dtype)
    mask = jnp.asarray(mask, bool)
    real = jnp.ones_like(mask)
    if row_mask is not None:
        rows = jnp.asarray(row_mask, bool)
        real = jnp.broadcast_to(_behind(rows, mask.ndim), mask.shape)
    mask = mask & real
    weights = mask.astype(dtype)
    if reduction in ("sum_over_batch_size", "mean"):
        valid = mask.sum()
        scale = jnp.where(valid == 0, 0, real.sum() / jnp.maximum(valid, 1))
        weights = weights * scale.astype(dtype)
    if sample_weight is None:
        return weights
    weights, given = align_ranks(weights, jnp.asarray(sample_weight, dtype))
    rank = max(weights.ndim, given.ndim)
    return _behind(weights, rank) * _behind(given, rank)


def _behind(array: jax.Array, rank: int) -> jax.Array:
    """`array` with axes of size 1 added behind, so that rows meet rows."""
    return array.reshape(array.shape + (1,) * (rank - array.ndim))
