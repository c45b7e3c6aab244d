"""What training goes on from, in the HDF5 file of a model: as Keras has it, and what it has not.

`optimizer/vars` is Keras' list of arrays. The group `_nnlib` holds the random key, the number of
steps, and weights that are stored in another form for Keras; Keras does not look there.
"""

import warnings
from typing import TYPE_CHECKING, Any

import h5py
import jax
import jax.numpy as jnp
import numpy as np

from nnlib.core.errors import ShapeError, WeightMissingError
from nnlib.core.random import facade_keys
from nnlib.core.tree import Path, Tree, flatten, partition, unflatten
from nnlib.saving.h5_files import Reader, Writer, array_of, damaged, dataset_at, group_at, reading
from nnlib.saving.optimizer_variables import entries, fill, inner_entries, is_known, values
from nnlib.saving.state_tree import as_dict, like
from nnlib.training.state import TrainState

if TYPE_CHECKING:
    from nnlib.models.model import Model

OWN = "_nnlib"


def has_optimizer(model: Any) -> bool:
    """Whether there is a state of training to save."""
    compiled = model.trainer.compiled if hasattr(model, "trainer") else None
    return compiled is not None and compiled.optimizer is not None


def save_optimizer(model: "Model", file: h5py.File) -> None:
    """Write the state of the optimizer, if the model is compiled."""
    if not has_optimizer(model):
        return
    optimizer, state = model.optimizer, current_state(model)
    if not is_known(optimizer):
        return
    paths = trained_paths(model)
    _write(file, "optimizer/vars", optimizer.name, entries(optimizer, state, paths), state)
    inner = inner_entries(optimizer, state, paths)
    if inner:  # Keras looks for it in both places
        name = optimizer.inner_optimizer.name
        _write(file, "optimizer/inner_optimizer/vars", name, inner, state)


def _write(file: h5py.File, path: str, name: str, listed: Any, state: Any) -> None:
    group = file.create_group(path)
    group.attrs["name"] = name
    writer = Writer(group)
    for number, array in enumerate(values(listed, state)):
        writer[str(number)] = array


def load_optimizer(model: "Model", file: h5py.File, source: str) -> None:
    """Read what `save_optimizer` or Keras wrote; a state of another optimizer is left out."""
    group = group_at(file, "optimizer/vars", source)
    if not has_optimizer(model) or group is None or not is_known(model.optimizer):
        return
    reader = Reader(group, f"{source}: optimizer")
    try:
        state = filled_state(
            model,
            len(reader),
            lambda number: reader.spec(str(number)),
            lambda number: reader[str(number)],
        )
    except ShapeError as error:
        warnings.warn(
            f"{source}: expected the state of {model.optimizer!r}, got that of another one "
            f"({error}). The optimizer begins anew.",
            stacklevel=4,
        )
        return
    set_state(model, state)


def filled_state(model: "Model", count: int, spec: Any, read: Any) -> Any:
    """The state of the optimizer from `count` arrays in Keras' order; see `fill`."""
    listed = entries(model.optimizer, fresh_state(model, abstract=True), trained_paths(model))
    template = fresh_state(model, abstract=count == len(listed))
    return jax.tree.map(_zeros, fill(listed, template, count, spec, read))


def _zeros(leaf: Any) -> Any:
    return jnp.zeros(leaf.shape, leaf.dtype) if isinstance(leaf, jax.ShapeDtypeStruct) else leaf


def save_own(model: "Model", file: h5py.File, training: bool = True) -> None:
    """Write what Keras has no place for."""
    writer = Writer(file.create_group(OWN))
    for path, name, array in _beside(model):
        writer["/".join(("weights", *path, name))] = array
    if not training or not has_optimizer(model):
        return
    trainer = model.trainer
    session = trainer.session.current() if trainer.session is not None else None
    key = trainer._rng if session is None else session.rng
    if key is not None:
        writer["key"] = jax.random.key_data(key)
        writer["step"] = np.int32(trainer._step if session is None else session.step)
    if not is_known(model.optimizer):
        for name, array in flatten(as_dict(current_state(model))).items():
            writer[f"optimizer/{name}"] = array


def load_own(model: "Model", file: h5py.File, source: str, training: bool = True) -> None:
    """Read what `save_own` wrote, if anything."""
    group = group_at(file, OWN, source)
    if group is None:
        return
    stored = _arrays(group, source)
    layers = dict(model.layout())
    for name, array in stored.items():
        kind, *path = name.split("/")
        layer = layers.get(tuple(path[:-1])) if kind == "weights" and path else None
        if layer is not None and path[-1] in layer.own_weights:
            if np.shape(array) != layer.own_weights[path[-1]].shape:
                raise damaged(source, f"{name} has shape {np.shape(array)}")
            layer.take_array(path[-1], array)
    if training and has_optimizer(model):
        _load_training(model, stored, source)


def _load_training(model: "Model", stored: dict[str, Any], source: str) -> None:
    slots = {n.removeprefix("optimizer/"): a for n, a in stored.items() if n[:10] == "optimizer/"}
    state = current_state(model)
    if slots:
        try:
            state, _ = like(state, unflatten(slots), "optimizer")
        except WeightMissingError as error:
            raise damaged(source, str(error)) from error
    if "key" not in stored or "step" not in stored:
        if slots:
            set_state(model, state)
        return
    key, step = np.asarray(stored["key"]), np.asarray(stored["step"])
    if key.shape != (2,) or key.dtype != np.uint32 or step.shape:
        raise damaged(source, "the random key is none")
    set_state(model, state, jax.random.wrap_key_data(jnp.asarray(key)), int(step))


def _arrays(group: h5py.Group, source: str) -> dict[str, np.ndarray]:
    names: list[str] = []
    with reading(source):
        group.visit(names.append)
        found = {}
        for name in names:
            if not isinstance(group.get(name), h5py.Group):
                found[name] = array_of(dataset_at(group, name, source))
        return found


def _beside(model: "Model") -> list[tuple[Path, str, Any]]:
    paths = {id(layer): path for path, layer in model.layout()}
    return [
        (paths[id(owner)], name, owner.own_arrays()[name])
        for _, layer in model.layout()
        for owner, name in layer.beside_stored()
    ]


# The state in the model --------------------------------------------------------------------------


def trained_paths(model: "Model") -> list[Path]:
    """The paths of the weights that are trained, in the order of `get_weights`."""
    trained = model.trainer.trained.holds
    return [
        (*path, name)
        for path, layer in model.layout()
        for name, weight in layer.own_weights.items()
        if weight.trainable and trained(layer)
    ]


def _split(model: "Model") -> tuple[Tree, Tree]:
    trained = set(trained_paths(model))
    return partition(model.variables[0], trained.__contains__)


def current_state(model: "Model") -> Any:
    """The state of the optimizer as it is now."""
    trainer = model.trainer
    if trainer.session is not None:
        return trainer.session.current().opt
    return trainer.optimizer_state(_split(model)[0])


def fresh_state(model: "Model", abstract: bool = False) -> Any:
    """The state before the first step; with `abstract` its shapes alone."""
    trainable = _split(model)[0]
    initial = model.optimizer.init
    if abstract:
        return jax.eval_shape(initial, trainable)
    return model.trainer.placement.made(initial, trainable)


def set_state(model: "Model", state: Any, key: Any = None, step: int | None = None) -> None:
    """Let the model go on with this state of the optimizer."""
    trainer = model.trainer
    state = jax.tree.map(jnp.asarray, trainer.placement.local(state))  # cut first, if at all
    if trainer.session is not None:
        new = trainer.current()._replace(opt=state)
        trainer.load_state(new if key is None else new._replace(rng=key, step=jnp.int32(step or 0)))
        return
    if key is None:
        key = facade_keys.next_key() if trainer._rng is None else trainer._rng
    step = trainer._step if step is None else step
    trainable, frozen = _split(model)
    trainer.keep(TrainState(trainable, frozen, {}, state, {}, key, jnp.int32(step)))
