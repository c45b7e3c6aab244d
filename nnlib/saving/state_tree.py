"""A model's training state as one nested dict of arrays, the form in which it is stored."""

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from nnlib.core.errors import WeightMissingError
from nnlib.core.keeping import on_host
from nnlib.core.tree import Tree, flatten, partition, put
from nnlib.training.position import Position
from nnlib.training.state import TrainState

if TYPE_CHECKING:
    from nnlib.models.model import Model

WEIGHTS = ("params", "state")


def to_tree(model: "Model", weights_only: bool = False, keep: bool = True) -> Tree:
    """Weights; and if the model is compiled, optimizer, metrics, key, step and position.

    Args:
        model: built. Of several processes that train it together all call this.
        weights_only: whether the rest is left out.
        keep: whether this process needs the arrays; if not, it only sends its parts of them.
    """
    trainer = model.trainer
    state = on_host(trainer.kept_state(), keep)
    tree: Tree = {"params": state.params, "state": state.state}
    if trainer.compiled is not None and not weights_only:
        position = trainer.position
        tree["training"] = {
            "optimizer": as_dict(state.opt),
            "metrics": as_dict(state.metrics),
            "key": jax.random.key_data(state.rng),
            "step": state.step,
            "position": {name: np.int64(n) for name, n in vars(position).items()},
        }
    tree = without_empty(tree)
    several = trainer.placement.processes > 1
    return jax.tree.map(np.asarray, tree) if several else tree  # one writes without the others


def without_empty(tree: Tree) -> Tree:
    """Without arrays of no elements and dicts of no entries: Orbax does not store them."""
    kept: Tree = {}
    for name, value in tree.items():
        if isinstance(value, dict):
            if below := without_empty(value):
                kept[name] = below
        elif np.size(value):
            kept[name] = value
    return kept


def as_dict(tree: Any) -> Tree:
    """Any pytree as nested dicts: fields and indices become names."""
    out: Tree = {}
    for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]:
        put(out, tuple(_part(entry) for entry in path) or ("value",), leaf)
    return out


def like(template: Any, stored: Tree, what: str) -> tuple[Any, set[str]]:
    """(a pytree as `template` with the stored arrays on the host, the paths that were used).

    Raises:
        WeightMissingError: for a leaf that is not stored, or in another shape.
    """
    flat = flatten(stored)
    used: set[str] = set()

    def pick(path: Any, leaf: Any) -> Any:
        name = "/".join(_part(entry) for entry in path) or "value"
        if not np.size(leaf):
            return leaf
        if name not in flat:
            raise WeightMissingError(
                f"{what}/{name}: expected an array of shape {np.shape(leaf)} in the checkpoint, "
                f"got none ({what} holds {', '.join(flat) or 'nothing'}). Restore a checkpoint of "
                "the same model, compiled with the same optimizer."
            )
        if np.shape(flat[name]) != np.shape(leaf):
            raise WeightMissingError(
                f"{what}/{name}: expected an array of shape {np.shape(leaf)}, got "
                f"{np.shape(flat[name])} in the checkpoint. Restore one of the same model."
            )
        used.add(name)
        return np.asarray(flat[name], leaf.dtype)

    return jax.tree_util.tree_map_with_path(pick, template), used


def _part(entry: Any) -> str:
    for attribute in ("key", "name", "idx"):
        if hasattr(entry, attribute):
            return str(getattr(entry, attribute))
    return str(entry)


def load_tree(model: "Model", tree: Tree) -> list[str]:
    """Put a stored tree into a model; returns the paths that found no place.

    Weights are required; the training state is taken over where the model is compiled.
    """
    trainer = model.trainer
    state = trainer.make_state()
    unused: list[str] = []
    weights = []
    for name, template in zip(WEIGHTS, (state.params, state.state), strict=True):
        stored = tree.get(name, {})
        loaded, used = like(template, stored, name)
        weights.append(loaded)
        unused += [f"{name}/{path}" for path in flatten(stored) if path not in used]
    trained = flatten(state.trainable)
    trainable, frozen = partition(weights[0], lambda path: "/".join(path) in trained)
    state = state._replace(trainable=trainable, frozen=frozen, state=weights[1])
    training = tree.get("training")
    if training is not None:
        if trainer.compiled is None:
            unused += [f"training/{path}" for path in flatten(training)]
        else:
            state = _with_training(state, training)
            position = {name: int(n) for name, n in training["position"].items()}
            trainer.position = Position(**position)
    trainer.load_state(trainer.placement.state(state))
    return unused


def _with_training(state: TrainState, training: Tree) -> TrainState:
    stored = training.get("optimizer", {})
    opt, used = like(state.opt, stored, "optimizer")
    if extra := set(flatten(stored)) - used:
        raise WeightMissingError(
            f"optimizer: expected a state of {len(used)} arrays, "
            f"got {len(extra)} more in the checkpoint ({', '.join(sorted(extra)[:3])}). Compile "
            "the model with the optimizer that it was trained with."
        )
    metrics = state.metrics
    if metrics:
        metrics, _ = like(metrics, training.get("metrics", {}), "metrics")
    return state._replace(
        opt=opt,
        metrics=metrics,
        rng=jax.random.wrap_key_data(jnp.asarray(training["key"], jnp.uint32)),
        step=jnp.asarray(training["step"], jnp.int32),
    )
