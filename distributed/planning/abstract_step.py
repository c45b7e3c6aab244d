"""The training step of a model under a placement, compiled from shapes: nothing is allocated."""

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp

from nnlib.core.tree import partition
from nnlib.training.batch import Batch
from nnlib.training.state import TrainState

from ..mesh_placement import MeshPlacement

if TYPE_CHECKING:
    from nnlib.training.trainer import Trainer


class AbstractStep(NamedTuple):
    """A step that can be compiled, and what it works on: arrays with shardings but no values."""

    lowered: Any
    jaxpr: Any
    state: TrainState
    batch: Batch


def abstract_step(trainer: "Trainer", placement: MeshPlacement, batch: Batch) -> AbstractStep:
    """The step that `fit` runs under this placement.

    Args:
        trainer: of the model, which need not be built.
        placement: where the arrays would be; of devices that need not be here.
        batch: of arrays or ShapeDtypeStructs.
    """
    specs = jax.tree.map(_spec, batch)
    objective, before = trainer.objective, trainer._placement
    try:
        trainer._placement = placement
        trainer.prepare_for(specs)
        state = _state(trainer)
        state = jax.tree.map(_placed, state, placement.shardings(state))
        rows = placement.batch_shardings(specs)
        specs = jax.tree.map(_placed, specs, rows)
        traced = jax.jit(_step(trainer, placement), donate_argnums=0).trace(state, specs)
        lowered = traced.lower()
    finally:
        trainer.objective, trainer._placement = objective, before
    return AbstractStep(lowered, traced.jaxpr, state, specs)


def _step(trainer: "Trainer", placement: MeshPlacement) -> Any:
    def step(state: TrainState, batch: Batch) -> Any:
        new, logs = trainer._train(state, None, placement.spread(batch))
        return placement.kept(new), logs

    return step


def _state(trainer: "Trainer") -> TrainState:
    """What `Trainer.make_state` makes, as shapes."""
    model, objective = trainer.model, trainer.objective
    assert objective is not None
    layers = dict(model.layout())
    key = jax.eval_shape(lambda: jax.random.key(0))
    params, state = jax.eval_shape(model.init, key)
    trainable, frozen = partition(params, lambda path: trainer.trained.holds(layers[path[:-1]]))
    opt = jax.eval_shape(trainer.optimizer.init, trainable)
    sums = jax.eval_shape(objective.init_metrics)
    step: Any = jax.ShapeDtypeStruct((), jnp.int32)
    return TrainState(trainable, frozen, state, opt, sums, key, step)


def _spec(leaf: Any) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(leaf.shape, jax.dtypes.canonicalize_dtype(leaf.dtype))


def _placed(spec: Any, sharding: Any) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(spec.shape, spec.dtype, sharding=sharding)


def bytes_of(tree: Any) -> int:
    """The bytes of all arrays of a tree on one device; keys count as their data."""
    return sum(bytes_on_device(leaf) for leaf in jax.tree.leaves(tree))


def bytes_on_device(leaf: Any) -> int:
    """The bytes of the part of an array that one device has."""
    if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return 8
    shape = leaf.sharding.shard_shape(leaf.shape)
    return math.prod(shape) * leaf.dtype.itemsize
