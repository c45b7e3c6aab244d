"""1F1B: a pipeline that goes back with a microbatch as soon as it is through."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.sharding import Mesh
from jax.sharding import PartitionSpec as P

from nnlib.core.errors import ShapeError

from .pipeline import Stage, all_stages, checked, choose, cut_rows, part_at, sent_on, store


class Schedule(NamedTuple):
    """What is the same on all devices."""

    stage: Stage
    loss: Callable[[Any, Any], Any]
    mesh: Mesh
    axis: str
    microbatches: int


class Carry(NamedTuple):
    """What a device has between two ticks."""

    forward: Any
    """What the device before it sent: an input."""
    backward: Any
    """What the device behind it sent: a gradient with respect to its own output."""
    inputs: Any
    """The inputs of the microbatches that have yet to come back, by number modulo their count."""
    grads: Any
    x_grads: Any
    loss: jax.Array


def pipeline_loss(
    stage_fn: Stage,
    loss_fn: Callable[[Any, Any], Any],
    stacked_params: Any,
    x: Any,
    targets: Any,
    *,
    mesh: Mesh,
    axis: str = "stage",
    microbatches: int,
) -> jax.Array:
    """The mean loss behind all stages, whose gradient runs as 1F1B: one forward, one backward.

    Under `jax.grad` each device alternates between a microbatch that goes forward and one that
    comes back, so device s of n keeps the inputs of at most 2 (n - s) - 1 microbatches however
    many there are, and computes its stages again from them. With m microbatches that takes
    m + 2 (n - 1) ticks of one forward and one backward pass. It can be differentiated once, in
    reverse, with respect to parameters and `x`.

    Args:
        stage_fn: as `pipeline` takes it.
        loss_fn: `(y, targets) -> scalar`, the mean over the rows of a microbatch; it may use no
            parameters that are trained.
        stacked_params: a tree whose leaves have the stages on their first axis.
        x: (batch, ...), an array or a tree of them.
        targets: likewise; no gradient with respect to them.
        mesh: with automatic axes; other axes of it may cut the batch.
        axis: of the mesh, over which the stages are cut; its size divides their number.
        microbatches: how many; they divide the batch.

    Raises:
        ArgumentError: for a mesh, an axis or a number that does not fit.
        ShapeError: for a stage that changes shapes, and a loss that is no scalar.

    >>> import jax, jax.numpy as jnp, nnlib as nn
    >>> from jax.sharding import AxisType
    >>> mesh = jax.make_mesh((1,), ("stage",), (AxisType.Auto,), devices=jax.devices()[:1])
    >>> def loss(w):
    ...     return nn.distributed.pipeline_loss(
    ...         lambda w, x: x * w, lambda y, t: jnp.mean((y - t) ** 2), w, jnp.ones((4, 1)),
    ...         jnp.zeros((4, 1)), mesh=mesh, microbatches=2)
    >>> jax.grad(loss)(jnp.array([2.0, 3.0])).tolist()
    [36.0, 24.0]

    Source: Narayanan et al., "PipeDream: Generalized Pipeline Parallelism for DNN Training", 2019.
    """
    place = "pipeline_loss"
    rows = {leaf.shape[:1] for leaf in jax.tree.leaves((x, targets))}
    if len(rows) != 1:
        raise ShapeError(f"{place}: expected a target for each row, got first axes {sorted(rows)}.")
    mesh = checked(place, stage_fn, stacked_params, x, mesh, axis, microbatches)
    schedule = Schedule(stage_fn, loss_fn, mesh, axis, microbatches)
    parts, wanted = cut_rows(x, microbatches), cut_rows(targets, microbatches)
    found = jax.eval_shape(lambda p, t: loss_fn(part_at(p, 0), part_at(t, 0)), parts, wanted)
    if getattr(found, "shape", None) != ():
        raise ShapeError(f"{place}: expected a loss that is a scalar, got {found}. Take its mean.")
    return _loss(schedule, stacked_params, parts, wanted)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _loss(schedule: Schedule, params: Any, parts: Any, targets: Any) -> jax.Array:
    return _run(schedule, params, parts, targets)[0]


def _run(schedule: Schedule, params: Any, parts: Any, targets: Any) -> tuple[Any, Any, Any]:
    """The loss, and its gradients with respect to parameters and microbatches."""
    axis = schedule.axis
    run = jax.shard_map(
        functools.partial(_one_device, schedule),
        mesh=schedule.mesh,
        in_specs=(P(axis), P(axis), P(), P()),
        out_specs=(P(), P(axis), P()),
        axis_names={axis},
        check_vma=False,
    )
    places = jnp.arange(schedule.mesh.shape[axis], dtype=jnp.int32)
    return jax.jit(run)(places, params, parts, targets)


def _one_device(schedule: Schedule, place: Any, params: Any, parts: Any, targets: Any) -> Any:
    axis, count = schedule.axis, schedule.microbatches
    size = int(schedule.mesh.shape[axis])
    here, kept = place[0], 2 * size - 1

    def stages(params: Any, x: Any) -> Any:
        return all_stages(schedule.stage, params, x)

    def tick(carry: Carry, time: Any) -> tuple[Carry, None]:
        going, coming = time - here, time - (2 * (size - 1) - here)
        goes, comes = (going >= 0) & (going < count), (coming >= 0) & (coming < count)
        inputs = choose(here == 0, part_at(parts, jnp.maximum(going, 0)), carry.forward)
        saved = store(carry.inputs, inputs, going % kept, goes)
        outputs = stages(params, inputs)

        # At the end of the pipeline the microbatch that comes back is the one that just went.
        number = jnp.maximum(coming, 0)
        out, back = jax.vjp(stages, params, part_at(saved, number % kept))
        loss, at_end = jax.value_and_grad(schedule.loss)(out, part_at(targets, number))
        grads, x_grad = back(choose(here == size - 1, at_end, carry.backward))
        mine = comes & (here == size - 1)
        new = Carry(
            sent_on(outputs, axis, size, 1),
            sent_on(x_grad, axis, size, -1),
            saved,
            jax.tree.map(lambda a, g: a + jnp.where(comes, g, 0), carry.grads, grads),
            store(carry.x_grads, x_grad, number, comes & (here == 0)),
            carry.loss + jnp.where(mine, loss, 0),
        )
        return new, None

    one = part_at(parts, 0)
    begin = Carry(
        one,
        jax.tree.map(jnp.zeros_like, one),
        jax.tree.map(lambda a: jnp.stack([a] * kept), one),
        jax.tree.map(lambda a: jnp.zeros(a.shape, _exact(a)), params),
        jax.tree.map(jnp.zeros_like, parts),
        jnp.zeros((), jax.eval_shape(schedule.loss, one, part_at(targets, 0)).dtype),
    )
    end, _ = jax.lax.scan(tick, begin, jnp.arange(count + 2 * (size - 1)))
    loss, x_grads = jax.lax.psum((end.loss, end.x_grads), axis)  # zeros on the other devices
    grads = jax.tree.map(lambda g, a: (g / count).astype(a.dtype), end.grads, params)
    return loss / count, grads, jax.tree.map(lambda g: g / count, x_grads)


def _exact(array: Any) -> Any:
    """The dtype in which gradients are summed up."""
    return jnp.promote_types(array.dtype, jnp.float32)


def _with_gradients(schedule: Schedule, params: Any, parts: Any, targets: Any) -> tuple[Any, Any]:
    loss, *gradients = _run(schedule, params, parts, targets)
    return loss, gradients


def _scaled(schedule: Schedule, gradients: Any, factor: Any) -> tuple[Any, Any, None]:
    grads, x_grads = gradients
    times = functools.partial(jax.tree.map, lambda a: (a * factor).astype(a.dtype))
    return times(grads), times(x_grads), None


_loss.defvjp(_with_gradients, _scaled)
