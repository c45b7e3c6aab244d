"""`strategy.reduce` and `strategy.gather`: values of replicas become one, outside of `run`."""

import math
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jax.sharding import PartitionSpec as P

from nnlib.core.errors import ArgumentError, ShapeError

from .cross_device_ops import CrossDeviceOps
from .reduce_op import ReduceOp
from .replica_context import axis_of, floating, summable
from .replicas import ROWS, Replicas
from .values import PerReplica

if TYPE_CHECKING:
    from .strategy import Strategy


def reduced(strategy: "Strategy", op: ReduceOp, axis: Any, value: Any) -> Any:
    """See `Strategy.reduce`; of one leaf."""
    if not isinstance(value, PerReplica):
        return _of_one_value(strategy, op, axis, value)
    placed = strategy.replica_run.placed(value)
    if placed.stacked is not None:
        return _of_stacked(strategy, op, axis, placed.stacked)
    parts = [summable("reduce", part) for part in placed.values]
    if axis is None:
        raise ShapeError(
            f"reduce: expected values of one shape on all replicas for axis=None, got "
            f"{_shapes(parts)}. Reduce within them, too: axis=0."
        )
    return _of_uneven(strategy, op, axis, parts)


def _of_one_value(strategy: "Strategy", op: ReduceOp, axis: Any, value: Any) -> Any:
    """What is no PerReplica is the same on all replicas."""
    if axis is None:
        if op is ReduceOp.MEAN or strategy.num_replicas_in_sync == 1:
            return value
        raise ArgumentError(
            f"reduce: expected a value that strategy.run returned for SUM, got {value!r}, of which "
            "it is unknown whether the replicas' parts are in it already."
        )
    array = summable("reduce", value)
    axes = _axes(axis, array.ndim)
    if op is ReduceOp.MEAN:
        return floating(array).mean(axes)
    return array.sum(axes) * strategy.num_replicas_in_sync


def _of_stacked(strategy: "Strategy", op: ReduceOp, axis: Any, stacked: Any) -> jax.Array:
    summable("reduce", stacked[:0])
    axes = () if axis is None else _axes(axis, stacked.ndim - 1)
    return _combined(strategy.mesh, strategy.cross_device_ops, op, axes, stacked)


@partial(jax.jit, static_argnums=(0, 1, 2, 3))
def _combined(
    mesh: Mesh, ops: CrossDeviceOps, op: ReduceOp, axes: tuple[int, ...], stacked: Any
) -> jax.Array:
    count = stacked.shape[0]

    def replica(stacked: jax.Array) -> jax.Array:
        part = stacked[0] if op is ReduceOp.SUM else floating(stacked[0])
        return ops.sum_over(part.sum(axes) if axes else part, ROWS, count)

    total = jax.shard_map(replica, mesh=mesh, in_specs=P(ROWS), out_specs=P(), check_vma=False)(
        stacked
    )
    if op is ReduceOp.SUM:
        return total
    return total / (count * math.prod(stacked.shape[1:][axis] for axis in axes))


def _of_uneven(strategy: "Strategy", op: ReduceOp, axis: Any, parts: list[jax.Array]) -> jax.Array:
    """Sums within the parts, over the sum of their counts: every element weighs the same."""
    if len({part.ndim for part in parts}) > 1:
        raise _unfit("reduce", parts)
    axes = _axes(axis, parts[0].ndim)
    sums = [(part if op is ReduceOp.SUM else floating(part)).sum(axes) for part in parts]
    stacked = strategy.replicas.stack(sums)
    if stacked is None:
        raise _unfit("reduce", parts)
    total = _of_stacked(strategy, ReduceOp.SUM, None, stacked.stacked)
    if op is ReduceOp.SUM:
        return total
    counts = [[math.prod(part.shape[axis] for axis in axes)] for part in parts]
    return total / int(strategy.replicas.exchange(np.array(counts)).sum())


def gathered(strategy: "Strategy", axis: Any, value: Any) -> Any:
    """See `Strategy.gather`; of one leaf."""
    if not isinstance(value, PerReplica):
        return value
    placed = strategy.replica_run.placed(value)
    if placed.stacked is not None:
        number = axis_of("gather", axis, placed.stacked.ndim - 1)
        return _joined(strategy.mesh, number, placed.stacked)
    parts = [jnp.asarray(part) for part in placed.values]
    number = axis_of("gather", axis, min(part.ndim for part in parts))
    return joined_uneven(strategy.replicas, number, parts)


@partial(jax.jit, static_argnums=(0, 1))
def _joined(mesh: Mesh, axis: int, stacked: Any) -> jax.Array:
    return jax.shard_map(
        lambda part: jax.lax.all_gather(part[0], ROWS, axis=axis, tiled=True),
        mesh=mesh,
        in_specs=P(ROWS),
        out_specs=P(),
        check_vma=False,
    )(stacked)


def joined_uneven(replicas: Replicas, axis: int, parts: Sequence[jax.Array]) -> jax.Array:
    """Parts of different lengths, joined: filled up, gathered, and cut to their lengths again.

    Args:
        replicas: of the strategy.
        axis: along which they are joined.
        parts: of the replicas of this process.

    Raises:
        ShapeError: if they differ otherwise.
    """
    sizes = replicas.exchange(np.array([[part.shape[axis]] for part in parts]))[:, 0]
    full = [
        jnp.pad(
            part, [(0, int(sizes.max()) - n if i == axis else 0) for i, n in enumerate(part.shape)]
        )
        for part in parts
    ]
    stacked = replicas.stack(full)
    if stacked is None:
        raise _unfit("gather", parts)
    whole = np.asarray(_joined(replicas.mesh, axis, stacked.stacked))
    pieces = np.split(whole, replicas.count, axis)
    cut = [piece.take(range(size), axis) for piece, size in zip(pieces, sizes, strict=True)]
    joined: jax.Array = replicas.broadcast(np.concatenate(cut, axis))
    return joined


def _axes(axis: Any, ndim: int) -> tuple[int, ...]:
    given = axis if isinstance(axis, tuple | list) else (axis,)
    axes = tuple(axis_of("reduce", one, ndim) for one in given)
    if len(set(axes)) < len(axes):
        raise ArgumentError(f"reduce: expected every axis once, got {axis!r}.")
    return axes


def _unfit(place: str, parts: Sequence[jax.Array]) -> ShapeError:
    return ShapeError(
        f"{place}: expected values that differ along the given axis alone, got {_shapes(parts)}."
    )


def _shapes(parts: Sequence[Any]) -> str:
    return " and ".join(sorted({f"{part.dtype}{list(part.shape)}" for part in parts}))
