"""Pipelines over layers: each device has some of the stages, and small batches go through them."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jax.sharding import PartitionSpec as P

from nnlib.core.errors import ArgumentError, ShapeError

from .meshes import known_axes, mesh_of

Stage = Callable[[Any, Any], Any]
"""`(params, x) -> y`, an array or a tree of arrays of the shapes and dtypes of `x`."""


def pipeline(
    stage_fn: Stage,
    stacked_params: Any,
    x: Any,
    *,
    mesh: Mesh,
    axis: str = "stage",
    microbatches: int,
    remat: bool = False,
) -> Any:
    """All stages one after the other, spread over devices: GPipe.

    The batch is cut into microbatches, and while a device computes its stages for one of them the
    device before it computes the next. With n devices and m microbatches a device is idle for
    (n - 1) / (m + n - 1) of the time. The gradient is that of autodiff: it goes back through the
    pipeline once all microbatches went through, and keeps what the backward pass needs of all of
    them. `pipeline_loss` keeps less.

    A stage sees one microbatch: BatchNormalization normalises that, as it would a batch of its
    size, and what a stage would keep of it (moving means) is not returned. Random numbers are those
    of one device if they are drawn by row, from keys that travel in `x`, or by stage, from keys in
    `stacked_params`, which every microbatch then shares. Outside of `jax.jit` each call is
    compiled anew.

    Args:
        stage_fn: `(params, x) -> y`, of one stage; y has the shapes and dtypes of x. It may use
            other arrays, of which all stages have the same.
        stacked_params: a tree whose leaves have the stages on their first axis.
        x: (batch, ...), an array or a tree of them; what stages only read (masks, keys by row) is
            a part of it that they return as it is.
        mesh: with automatic axes; other axes of it may cut the batch.
        axis: of the mesh, over which the stages are cut. If its size does not divide their number
            the last devices have fewer, and wait for the others.
        microbatches: how many; they divide the batch.
        remat: whether the backward pass computes each stage again instead of keeping its insides.

    Returns:
        What the last stage makes of all rows, in the order of `x`.

    Raises:
        ArgumentError: for a mesh, an axis or a number that does not fit.
        ShapeError: for a stage that changes shapes.

    >>> import jax, jax.numpy as jnp, nnlib as nn
    >>> from jax.sharding import AxisType
    >>> mesh = jax.make_mesh((1,), ("stage",), (AxisType.Auto,), devices=jax.devices()[:1])
    >>> w = jnp.stack([2 * jnp.eye(3)] * 4)
    >>> y = nn.distributed.pipeline(
    ...     lambda w, x: x @ w, w, jnp.ones((6, 3)), mesh=mesh, microbatches=2)
    >>> float(y[0, 0])
    16.0

    Source: Huang et al., "GPipe: Efficient Training of Giant Neural Networks using Pipeline
    Parallelism", 2019.
    """
    mesh = checked("pipeline", stage_fn, stacked_params, x, mesh, axis, microbatches)
    size, stage = int(mesh.shape[axis]), jax.checkpoint(stage_fn) if remat else stage_fn
    stage, stacked_params = filled_up(stage, stacked_params, size)
    parts = cut_rows(x, microbatches)
    places = jnp.arange(size, dtype=jnp.int32)
    run = jax.shard_map(
        functools.partial(_fill_and_drain, stage, axis, size, microbatches),
        mesh=mesh,
        in_specs=(P(axis), P(axis), P()),
        out_specs=P(),
        axis_names={axis},
        check_vma=False,
    )
    out = jax.jit(run)(places, stacked_params, parts)
    return jax.tree.map(lambda a, b: a.reshape(b.shape), out, x)


def _fill_and_drain(
    stage: Stage, axis: str, size: int, count: int, place: Any, params: Any, parts: Any
) -> Any:
    """The forward pass on one device, `place` (1,) of `size`."""
    first, last = place[0] == 0, place[0] == size - 1

    def tick(carry: Any, time: Any) -> tuple[Any, None]:
        received, done = carry
        inputs = choose(first, part_at(parts, time), received)
        outputs = all_stages(stage, params, inputs)
        # The device at the end finishes one microbatch per tick, once the pipeline is full.
        done = store(done, outputs, time - (size - 1), last & (time >= size - 1))
        return (sent_on(outputs, axis, size, 1), done), None

    # Where nothing has arrived yet real rows are computed with, and thrown away: zeros might have
    # no gradient, and 0 * inf would not be 0.
    begin = part_at(parts, 0), jax.tree.map(jnp.zeros_like, parts)
    (_, done), _ = jax.lax.scan(tick, begin, jnp.arange(count + size - 1))
    return jax.lax.psum(done, axis)  # zeros on all devices but the last


# Shared with the other schedule ------------------------------------------------------------------


def checked(
    place: str, stage: Stage, params: Any, x: Any, mesh: Any, axis: str, count: int
) -> Mesh:
    """The mesh, if all arguments fit each other."""
    if not isinstance(mesh, Mesh):
        raise ArgumentError(f"{place}: expected a jax.sharding.Mesh, got {mesh!r}.")
    mesh = mesh_of(place, mesh, (), axis)
    known_axes(place, (axis,), mesh)
    numbers = {leaf.shape[:1] for leaf in jax.tree.leaves(params)}
    if len(numbers) != 1 or not numbers.isdisjoint([(), (0,)]):
        raise ArgumentError(
            f"{place}: expected parameters with the stages on the first axis of every leaf, got "
            f"first axes {sorted(numbers)}. Stack them: "
            "jax.tree.map(lambda *a: jnp.stack(a), *params_of_stages)."
        )
    rows = {leaf.shape[:1] for leaf in jax.tree.leaves(x)}
    whole = isinstance(count, int | np.integer) and count > 0
    if len(rows) != 1 or () in rows or not whole or next(iter(rows))[0] % count:
        raise ArgumentError(
            f"{place}: expected a number of microbatches that divides the rows, got {count!r} for "
            f"first axes {sorted(rows)}."
        )
    given = jax.eval_shape(lambda t: part_at(cut_rows(t, count), 0), x)
    one = jax.eval_shape(lambda t: jax.tree.map(lambda a: a[0], t), params)
    made = jax.eval_shape(stage, one, given)
    if _kinds(made) != _kinds(given):
        raise ShapeError(
            f"{place}: expected a stage that keeps the shapes and dtypes of its input, got "
            f"{made} for {given}. Put layers that change them before or behind the pipeline."
        )
    return mesh


def _kinds(tree: Any) -> Any:
    leaves, structure = jax.tree.flatten(tree)
    return structure, [(leaf.shape, leaf.dtype) for leaf in leaves]


def filled_up(stage: Any, params: Any, size: int) -> tuple[Any, Any]:
    """A stage and parameters whose number `size` divides: those that are added do nothing."""
    count = jax.tree.leaves(params)[0].shape[0]
    more = -count % size
    if not more:
        return stage, params

    def either(one: Any, x: Any, *others: Any) -> Any:
        own, there = one
        return jax.lax.cond(there, stage, lambda own, x, *others: x, own, x, *others)

    longer = jax.tree.map(lambda a: jnp.concatenate([a, *[a[-1:]] * more]), params)
    return either, (longer, jnp.arange(count + more) < count)


def cut_rows(tree: Any, count: int) -> Any:
    """(rows, ...) as (count, rows / count, ...)."""
    return jax.tree.map(lambda a: jnp.reshape(a, (count, -1, *a.shape[1:])), tree)


def part_at(parts: Any, index: Any) -> Any:
    """The microbatch `index`; the nearest one where there is none."""
    return jax.tree.map(lambda a: jax.lax.dynamic_index_in_dim(a, index, keepdims=False), parts)


def all_stages(stage: Stage, params: Any, x: Any) -> Any:
    """The stages of one device, one after the other."""
    return jax.lax.scan(lambda x, one: (stage(one, x), None), x, params)[0]


def choose(condition: Any, yes: Any, no: Any) -> Any:
    """One of two trees."""
    return jax.tree.map(lambda a, b: jnp.where(condition, a, b), yes, no)


def store(parts: Any, part: Any, index: Any, valid: Any) -> Any:
    """`parts` with `part` at `index`, if that is `valid`."""

    def one(all_of: Any, new: Any) -> Any:
        old = jax.lax.dynamic_index_in_dim(all_of, index, keepdims=False)
        return jax.lax.dynamic_update_index_in_dim(all_of, jnp.where(valid, new, old), index, 0)

    return jax.tree.map(one, parts, part)


def sent_on(tree: Any, axis: str, size: int, by: int) -> Any:
    """What the device `by` places before this one sends; at the ends nobody does: zeros."""
    pairs = [(index, index + by) for index in range(size) if 0 <= index + by < size]
    return jax.tree.map(lambda a: jax.lax.ppermute(a, axis, pairs), tree)
