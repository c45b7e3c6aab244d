"""One step of training, testing and predicting: pure functions over a TrainState."""

import inspect
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import optax

from nnlib.core.declare import state_in
from nnlib.core.errors import ArgumentError
from nnlib.core.layer import Applied
from nnlib.core.masks import set_masks
from nnlib.core.penalties import penalties_shown
from nnlib.core.random import fold
from nnlib.core.scope import step_placement
from nnlib.core.tree import Tree, items, merge, put
from nnlib.models.trainable import overrides
from nnlib.training.batch import Batch
from nnlib.training.objective import Objective
from nnlib.training.state import CARRIED, TrainState

if TYPE_CHECKING:
    from nnlib.models.model import Model


def train_step(
    model: "Model", objective: Objective, optimizer: Any, state: TrainState, batch: Batch
) -> tuple[TrainState, dict[str, Any]]:
    """Forward, backward, update: the new state and the logs so far.

    The step's key is `fold_in(state.rng, state.step)`, so nothing depends on how steps are grouped.
    """
    grads, (loss, applied, parts) = gradients(model, objective, optimizer, state, batch)
    sums = state.metrics
    if sums:  # a state made for a step alone need not carry any
        sums = objective.update_metrics(
            sums, applied.outputs, batch, loss, parts, state.step, applied.masks
        )
    state = apply_gradients(
        model, optimizer, state._replace(state=applied.state, metrics=sums), grads
    )
    return state, objective.results(sums) if sums else {"loss": loss}


def gradients(
    model: "Model", objective: Objective, optimizer: Any, state: TrainState, batch: Batch
) -> tuple[Tree, tuple[jax.Array, Applied, dict[str, Any]]]:
    """The gradients of the loss, scaled as the optimizer wants it, and what `compute_loss` gave."""

    def scaled_loss(trainable: Tree) -> tuple[jax.Array, Any]:
        found = compute_loss(model, objective, state, batch, trainable)
        return optimizer.scale_loss(found[0], state.opt), found

    placement = step_placement()
    function = scaled_loss if placement is None else placement.loss(scaled_loss)
    return jax.grad(function, has_aux=True)(state.trainable)


def compute_loss(
    model: "Model", objective: Objective, state: TrainState, batch: Batch, trainable: Tree
) -> tuple[jax.Array, Applied, dict[str, Any]]:
    """The loss in training mode, what the call of the model gave, the loss of each output."""
    params, rng = merge(state.frozen, trainable), jax.random.fold_in(state.rng, state.step)
    applied = model.apply_full(
        params, state.state, batch.x, training=True, rng=rng, row_mask=batch.row_mask
    )
    if overrides(model, "compute_loss"):
        return own_loss(model, applied, batch, params, rng)
    loss, parts = objective.loss(applied.outputs, batch, applied.masks)
    if not parts and isinstance(applied.penalty, float):  # no array in its sum
        raise ArgumentError(
            f"{model.name} ({type(model).__name__}): expected a loss to train by, got none. Pass "
            "loss= to compile(), or call add_loss() in a layer."
        )
    return loss + applied.penalty, applied, parts


def own_loss(
    model: "Model", applied: Applied, batch: Batch, params: Tree, rng: Any = None
) -> tuple[jax.Array, Applied, dict[str, Any]]:
    """What a `compute_loss` of the user says, for training if there is a key.

    It runs with the arrays of the step bound: layers that it calls get gradients, draw random
    numbers of their own and write their state.
    """
    training = rng is not None
    key = fold(rng, "compute_loss") if training else None
    with (
        model.bound(params, applied.state, training, key, batch.row_mask) as frame,
        penalties_shown(applied.penalty),
    ):
        set_masks(applied.outputs, applied.masks)
        given = (batch.x, batch.y, applied.outputs, batch.sample_weight, training)
        # Keras once had no `training` here, and takes a compute_loss without it to this day.
        count = 5 if _takes(model.compute_loss, 5) else 4
        found = model.compute_loss(*given[:count])
    loss, parts = found if isinstance(found, tuple) else (found, {})
    state = merge(applied.state, state_in(model, frame))
    return loss, applied._replace(state=state), parts


def _takes(function: Any, count: int) -> bool:
    try:
        inspect.signature(function).bind(*range(count))
    except TypeError:
        return False
    return True


def apply_gradients(model: "Model", optimizer: Any, state: TrainState, grads: Tree) -> TrainState:
    """The state after one optimizer update, with constraints applied."""
    if (placement := step_placement()) is not None:
        grads = placement.gradients(grads)
    updates, opt = optimizer.update(grads, state.opt, state.trainable)
    trainable = constrain(model, optax.apply_updates(state.trainable, updates))
    return state._replace(trainable=trainable, opt=opt, step=state.step + 1)


def constrain(model: "Model", trainable: Tree) -> Tree:
    """Weights with a constraint, projected."""
    rules = {
        (*path, name): weight.constraint
        for path, _, name, weight in model.weight_specs()
        if weight.constraint is not None
    }
    if not rules:
        return trainable
    projected: Tree = {}
    for path, array in items(trainable):
        put(projected, path, rules[path](array) if path in rules else array)
    return projected


def test_step(
    model: "Model", objective: Objective, state: TrainState, batch: Batch
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Forward in inference mode: the new metric sums and the logs so far."""
    applied = model.apply_full(
        state.params, state.state, batch.x, rng=_test_key(state), row_mask=batch.row_mask
    )
    if overrides(model, "compute_loss"):
        loss, applied, parts = own_loss(model, applied, batch, state.params)
    else:
        loss, parts = objective.loss(applied.outputs, batch, applied.masks)
        loss = loss + applied.penalty
    sums = objective.update_metrics(
        state.metrics, applied.outputs, batch, loss, parts, state.step, applied.masks
    )
    if CARRIED in sums:
        sums[CARRIED] = applied.state
    return sums, objective.results(sums)


def _test_key(state: TrainState) -> jax.Array:
    """For layers that draw in evaluations as well; the rows seen so far tell batches apart."""
    key = fold(jax.random.fold_in(state.rng, state.step), "evaluate")
    if "loss" not in state.metrics:
        return key
    return jax.random.fold_in(key, state.metrics["loss"]["count"].sum().astype(jnp.int32))


def predict_step(model: "Model", state: TrainState, x: Any) -> tuple[Any, Tree]:
    """The outputs in inference mode, and the state that layers have behind this batch.

    Layers that draw all the same, as `Dropout()(x, training=True)`, have `state.rng`.
    """
    if overrides(model, "predict_step"):
        return model.predict_step(state, x), state.state
    return model.apply(state.params, state.state, x, rng=state.rng)
