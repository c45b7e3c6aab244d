"""Losses within `strategy.run`, scaled so that their sum over the replicas is that of a batch."""

from typing import Any

import jax
import jax.numpy as jnp

from nnlib.core.errors import ArgumentError, DTypeError, ShapeError
from nnlib.losses.reduction import over_leading_axes

from .default_strategy import get_strategy, in_cross_replica_context
from .errors import StrategyError
from .replica_context import UnevenContext, current_context, floating, summable


def compute_average_loss(
    per_example_loss: Any, sample_weight: Any = None, global_batch_size: Any = None
) -> jax.Array:
    """The sum of losses, divided by the rows that all replicas have together.

    SUM over the replicas makes the mean of the whole batch of it, and likewise of gradients.

    Args:
        per_example_loss: (rows, ...), of this replica: a loss with `reduction="none"`.
        sample_weight: of the same shape, (rows,), or a number.
        global_batch_size: the rows of all replicas; None for those here times their number.

    Returns:
        A number; 0 where there are no rows.

    Raises:
        ArgumentError: for a size that is negative or no single number.
        DTypeError: for losses that are no numbers, and a size that is no integer.
        ShapeError: for losses or weights of another shape.
        StrategyError: outside of `run` in a scope, and without a size where replicas may differ in
            their number of rows.

    >>> import nnlib as nn
    >>> float(nn.distributed.compute_average_loss([1.0, 3.0], global_batch_size=8))
    0.5

    Source: `tf.nn.compute_average_loss`.
    """
    losses = floating(summable("compute_average_loss", per_example_loss))
    if losses.ndim == 0:
        raise ShapeError(
            "compute_average_loss: expected a loss for each row, got a single number. Make the "
            'loss with reduction="none".'
        )
    rows = _rows(losses.shape[0]) if global_batch_size is None else _size(global_batch_size)
    if sample_weight is not None:
        weights = jnp.asarray(sample_weight).astype(losses.dtype)
        losses *= over_leading_axes("compute_average_loss", "sample_weight", weights, losses)
    total = losses.astype(jnp.promote_types(losses.dtype, jnp.float32)).sum()
    return jnp.where(rows == 0, 0, total / jnp.maximum(rows, 1)).astype(losses.dtype)


def scale_regularization_loss(regularization_loss: Any) -> jax.Array:
    """The sum of penalties, divided by the number of replicas, each of which adds it to its loss.

    Args:
        regularization_loss: penalties, as an array or a list of them.

    Returns:
        A number.

    Raises:
        DTypeError: for penalties that are no numbers.
        StrategyError: outside of `run` in a scope.

    >>> import nnlib as nn
    >>> float(nn.distributed.scale_regularization_loss([1.0, 2.0]))
    3.0

    Source: `tf.nn.scale_regularization_loss`.
    """
    _check_within("scale_regularization_loss")
    penalties = summable("scale_regularization_loss", regularization_loss)
    return penalties.sum() / get_strategy().num_replicas_in_sync


def _rows(own: int) -> Any:
    """Those of all replicas, which have as many each."""
    _check_within("compute_average_loss")
    if isinstance(current_context(), UnevenContext):
        raise StrategyError(
            "compute_average_loss: expected global_batch_size where replicas have different "
            "numbers of rows, got None. Pass it, as for the other batches."
        )
    return jnp.asarray(own * get_strategy().num_replicas_in_sync)


def _size(given: Any) -> Any:
    size = jnp.asarray(given)
    if not jnp.issubdtype(size.dtype, jnp.integer):
        raise DTypeError(
            f"compute_average_loss: expected global_batch_size to be an integer, got {given!r}."
        )
    if size.ndim or (not isinstance(size, jax.core.Tracer) and int(size) < 0):
        raise ArgumentError(
            "compute_average_loss: expected global_batch_size to be one number of rows from 0 on, "
            f"got {given!r}."
        )
    return size


def _check_within(place: str) -> None:
    if in_cross_replica_context():
        raise StrategyError(
            f"{place}: expected a call within a function of run(), got one outside of it "
            "(cross-replica context). Call it in the step that strategy.run runs."
        )
