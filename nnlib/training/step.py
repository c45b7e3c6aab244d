"""One step of training, testing and predicting: pure functions over a TrainState."""

from typing import TYPE_CHECKING, Any

import jax
import optax

from nnlib.core.errors import ArgumentError
from nnlib.core.tree import Tree, items, merge, put
from nnlib.training.batch import Batch
from nnlib.training.objective import Objective
from nnlib.training.state import TrainState

if TYPE_CHECKING:
    from nnlib.models.model import Model


def train_step(
    model: "Model", objective: Objective, optimizer: Any, state: TrainState, batch: Batch
) -> tuple[TrainState, dict[str, Any]]:
    """Forward, backward, update: the new state and the logs so far.

    The step's key is `fold_in(state.rng, state.step)`, so nothing depends on how steps are grouped.
    """
    (loss, (outputs, new_state, parts)), grads = jax.value_and_grad(
        lambda trainable: compute_loss(model, objective, state, batch, trainable), has_aux=True
    )(state.trainable)
    sums = state.metrics
    if sums:  # a state made for a step alone need not carry any
        sums = objective.update_metrics(sums, outputs, batch, loss, parts, state.step)
    state = apply_gradients(model, optimizer, state._replace(state=new_state, metrics=sums), grads)
    return state, objective.results(sums) if sums else {"loss": loss}


def compute_loss(
    model: "Model", objective: Objective, state: TrainState, batch: Batch, trainable: Tree
) -> tuple[jax.Array, tuple[Any, Tree, dict[str, Any]]]:
    """`(loss, (outputs, new model state, loss of each output))` in training mode."""
    outputs, new_state, penalty, masks = model.apply_full(
        merge(state.frozen, trainable),
        state.state,
        batch.x,
        training=True,
        rng=jax.random.fold_in(state.rng, state.step),
        row_mask=batch.row_mask,
    )
    loss, parts = objective.loss(outputs, batch)
    if not parts and isinstance(penalty, float):  # no array in its sum: nothing to learn from
        raise ArgumentError(
            f"{model.name} ({type(model).__name__}): expected a loss to train by, got none. Pass "
            "loss= to compile(), or call add_loss() in a layer."
        )
    return loss + penalty, (outputs, new_state, parts)


def apply_gradients(model: "Model", optimizer: Any, state: TrainState, grads: Tree) -> TrainState:
    """The state after one optimizer update, with constraints applied."""
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
    outputs, _, penalty, masks = model.apply_full(
        state.params, state.state, batch.x, row_mask=batch.row_mask
    )
    loss, parts = objective.loss(outputs, batch)
    sums = objective.update_metrics(
        state.metrics, outputs, batch, loss + penalty, parts, state.step
    )
    return sums, objective.results(sums)


def predict_step(model: "Model", state: TrainState, x: Any) -> Any:
    """The outputs in inference mode."""
    return model.apply(state.params, state.state, x)[0]
