"""1F1B: a pipeline that goes back with a microbatch as soon as it is through."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.sharding import Mesh
from jax.sharding import PartitionSpec as P

from nnlib.core.errors import ShapeError

from .pipeline import (
    Stage,
    all_stages,
    checked,
    choose,
    cut_rows,
    filled_up,
    part_at,
    sent_on,
    store,
)


class Schedule(NamedTuple):
    """What is the same on all devices."""

    stage: Callable[..., Any]
    """`(params, x, *shared) -> y`"""
    loss: Callable[..., Any]
    """`(y, targets, *head) -> scalar`"""
    mesh: Mesh
    axis: str
    microbatches: int


class Trained(NamedTuple):
    """All with respect to which there are gradients: arrays of floats."""

    params: Any
    shared: Any
    """What the stages use besides."""
    head: Any
    """What the loss uses."""
    parts: Any
    """Of x."""


class Fixed(NamedTuple):
    """The rest: integers, booleans, keys, and targets."""

    params: Any
    parts: Any
    targets: Any


class Carry(NamedTuple):
    """What a device has between two ticks."""

    forward: Any
    """What the device before it sent: an input."""
    backward: Any
    """What the device behind it sent: a gradient with respect to its own output."""
    inputs: Any
    """The inputs of the microbatches that have yet to come back, by number modulo their count."""
    grads: Trained
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
    reverse, with respect to all that is a float but the targets. Outside of `jax.jit` each call is
    compiled anew.

    Args:
        stage_fn: as `pipeline` takes it.
        loss_fn: `(y, targets) -> scalar`, the mean over the rows of a microbatch. Other arrays that
            it uses (the last layers of a model) may be trained, too.
        stacked_params: as `pipeline` takes them.
        x: (batch, ...), an array or a tree of them. Every device has all of it.
        targets: likewise; no gradient with respect to them.
        mesh: with automatic axes; other axes of it may cut the batch.
        axis: of the mesh, over which the stages are cut.
        microbatches: how many; they divide the batch.

    Returns:
        A number.

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
    parts, wanted = cut_rows(x, microbatches), cut_rows(targets, microbatches)
    one = jax.tree.map(lambda a: a[0], stacked_params), part_at(parts, 0)
    stage, shared = _converted(stage_fn, *one)
    loss, head = _converted(loss_fn, one[1], part_at(wanted, 0))
    found = jax.eval_shape(loss, one[1], part_at(wanted, 0), *head)
    if getattr(found, "shape", None) != ():
        raise ShapeError(f"{place}: expected a loss that is a scalar, got {found}. Take its mean.")
    stage, stacked_params = filled_up(stage, stacked_params, int(mesh.shape[axis]))
    (params, other_params), (parts, other_parts) = _split(stacked_params), _split(parts)
    schedule = Schedule(stage, loss, mesh, axis, microbatches)
    trained = Trained(params, shared, head, parts)
    return _loss(schedule, trained, Fixed(other_params, other_parts, wanted))


def _converted(function: Any, *arguments: Any) -> tuple[Any, Any]:
    """A function that takes what it closes over and might be trained as further arguments."""
    converted, consts = jax.closure_convert(function, *arguments)
    return (converted, consts) if consts else (function, [])


def _split(tree: Any) -> tuple[Any, Any]:
    """A tree of the floats of another, and one of all else, each with None for the rest."""
    is_float = jax.tree.map(lambda a: jnp.issubdtype(a.dtype, jnp.inexact), tree)
    floats = jax.tree.map(lambda a, yes: a if yes else None, tree, is_float)
    return floats, jax.tree.map(lambda a, yes: None if yes else a, tree, is_float)


def _joined(floats: Any, others: Any) -> Any:
    return jax.tree.map(
        lambda a, b: b if a is None else a, floats, others, is_leaf=lambda a: a is None
    )


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _loss(schedule: Schedule, trained: Trained, fixed: Fixed) -> jax.Array:
    return _run(schedule, trained, fixed)[0]


def _run(schedule: Schedule, trained: Trained, fixed: Fixed) -> tuple[jax.Array, Trained]:
    """The loss, and its gradients."""
    axis = schedule.axis
    cut = Trained(P(axis), P(), P(), P())
    run = jax.shard_map(
        functools.partial(_one_device, schedule),
        mesh=schedule.mesh,
        in_specs=(P(axis), cut, Fixed(P(axis), P(), P())),
        out_specs=(P(), cut),
        axis_names={axis},
        check_vma=False,
    )
    places = jnp.arange(schedule.mesh.shape[axis], dtype=jnp.int32)
    return jax.jit(run)(places, trained, fixed)


def _one_device(schedule: Schedule, place: Any, trained: Trained, fixed: Fixed) -> Any:
    axis, count = schedule.axis, schedule.microbatches
    size = int(schedule.mesh.shape[axis])
    here, kept = place[0], 2 * size - 1
    first, last = here == 0, here == size - 1
    parts = _joined(trained.parts, fixed.parts)

    def tick(carry: Carry, time: Any) -> tuple[Carry, None]:
        going, coming = time - here, time - (2 * (size - 1) - here)
        goes, comes = (going >= 0) & (going < count), (coming >= 0) & (coming < count)
        inputs = choose(first, part_at(parts, jnp.maximum(going, 0)), carry.forward)
        saved = store(carry.inputs, inputs, going % kept, goes)
        outputs = _stages(schedule, fixed, trained.params, trained.shared, inputs)

        # At the end of the pipeline the microbatch that comes back is the one that just went.
        number = jnp.maximum(coming, 0)
        loss, found = _back(
            schedule, trained, fixed, number, part_at(saved, number % kept), carry.backward, last
        )
        sums = Trained(
            _added(carry.grads.params, found.params, comes),
            _added(carry.grads.shared, found.shared, comes),
            _added(carry.grads.head, found.head, comes & last),
            store(carry.grads.parts, found.parts, number, comes & first),
        )
        forward, backward = sent_on(outputs, axis, size, 1), sent_on(found.parts, axis, size, -1)
        return Carry(forward, backward, saved, sums, _added(carry.loss, loss, comes & last)), None

    begin = _begin(schedule, trained, fixed, part_at(parts, 0), kept)
    end, _ = jax.lax.scan(tick, begin, jnp.arange(count + 2 * (size - 1)))
    # Zeros on the devices that have no part in them.
    loss, rest = jax.lax.psum((end.loss, end.grads[1:]), axis)
    grads = jax.tree.map(
        lambda g, a: (g / count).astype(a.dtype), Trained(end.grads.params, *rest), trained
    )
    return loss / count, grads


def _stages(schedule: Schedule, fixed: Fixed, params: Any, shared: Any, x: Any) -> Any:
    """What the stages of a device make of a microbatch."""
    own = _joined(params, fixed.params)
    return all_stages(lambda one, x: schedule.stage(one, x, *shared), own, x)


def _back(
    schedule: Schedule,
    trained: Trained,
    fixed: Fixed,
    number: Any,
    inputs: Any,
    received: Any,
    last: Any,
) -> tuple[jax.Array, Trained]:
    """The loss of a microbatch, which only the last device has, and its gradients; of x in `parts`.

    Args:
        number: of the microbatch.
        inputs: of the stages of this device.
        received: the gradient with respect to their outputs, but on the last device.
        last: whether this is the last device.
    """
    x, read = _split(inputs)
    out, back, others = jax.vjp(
        lambda params, shared, x: _split(
            _stages(schedule, fixed, params, shared, _joined(x, read))
        ),
        trained.params,
        trained.shared,
        x,
        has_aux=True,
    )
    loss, (head, at_end) = jax.value_and_grad(
        lambda head, y: schedule.loss(_joined(y, others), part_at(fixed.targets, number), *head),
        (0, 1),
    )(trained.head, out)
    params, shared, x = back(choose(last, at_end, received))
    return loss, Trained(params, shared, head, x)


def _begin(schedule: Schedule, trained: Trained, fixed: Fixed, one: Any, kept: int) -> Carry:
    """Zeros, and real rows where nothing has arrived yet; `one` is a microbatch."""
    zeros = jax.tree.map(lambda a: jnp.zeros(a.shape, _exact(a)), trained)
    loss = jax.eval_shape(schedule.loss, one, part_at(fixed.targets, 0), *trained.head)
    return Carry(
        one,
        jax.tree.map(jnp.zeros_like, _split(one)[0]),
        jax.tree.map(lambda a: jnp.stack([a] * kept), one),
        zeros._replace(parts=jax.tree.map(jnp.zeros_like, trained.parts)),
        jnp.zeros((), loss.dtype),
    )


def _added(sums: Any, values: Any, valid: Any) -> Any:
    return jax.tree.map(lambda a, b: a + jnp.where(valid, b, 0), sums, values)


def _exact(array: Any) -> Any:
    """The dtype in which gradients are summed up."""
    return jnp.promote_types(array.dtype, jnp.float32)


def _scaled(schedule: Schedule, gradients: Trained, factor: Any) -> tuple[Trained, None]:
    return jax.tree.map(lambda a: (a * factor).astype(a.dtype), gradients), None


_loss.defvjp(_run, _scaled)
