"""Weights in the layout of Keras 2: a group for each layer, and lists of names as attributes."""

import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

import h5py
import numpy as np

from nnlib.core.errors import ShapeError
from nnlib.core.stored import fits_dtype
from nnlib.saving.h5_files import Writer, array_of, damaged, dataset_at, dtype_of, group_at

if TYPE_CHECKING:
    from nnlib.core.layer import Layer
    from nnlib.models.model import Model

_MOST_HEADER = 64512
"""Bytes that HDF5 takes in one attribute."""
_TOP = "top_level_model_weights"


class Slot(NamedTuple):
    """A weight of a layer or below it."""

    path: str
    layer: "Layer"
    name: str

    @property
    def weight(self) -> Any:
        """Its declaration."""
        return self.layer.own_weights[self.name]


# Writing -----------------------------------------------------------------------------------------


def save_weights(model: "Model", group: h5py.Group) -> None:
    """Write the arrays of all layers into a group, as Keras reads them."""
    layers = model.layers
    put_names(group, "layer_names", [layer.name for layer in layers])
    group.attrs["backend"] = b"jax"
    group.attrs["keras_version"] = b"3.15.0"
    for layer in sorted(layers, key=lambda layer: layer.name):
        with layer.as_stored():
            _save_slots(group.create_group(layer.name), _in_order(layer))
    _save_slots(group.create_group(_TOP), _own(model))


def _save_slots(group: h5py.Group, slots: list[Slot]) -> None:
    put_names(group, "weight_names", [slot.path for slot in slots])
    writer = Writer(group)
    for slot in slots:
        writer[slot.path] = slot.layer.stored_array(slot.name)


def put_names(group: h5py.Group, name: str, names: list[str]) -> None:
    """Store a list of names, in several attributes where one is too small."""
    array = np.asarray([item.encode() for item in names])
    pieces = 1
    while any(part.nbytes > _MOST_HEADER for part in np.array_split(array, pieces)):
        pieces += 1
    if pieces == 1:
        group.attrs[name] = array
        return
    for number, part in enumerate(np.array_split(array, pieces)):
        group.attrs[f"{name}{number}"] = part


# Order -------------------------------------------------------------------------------------------


def _slots(layer: "Layer") -> list[Slot]:
    """All weights below a layer, as they come, with paths that begin with the layer's name."""
    return [
        Slot("/".join((layer.name, *path, name)), owner, name)
        for path, owner in layer.layout()
        for name in owner.stored_names()
    ]


def _own(layer: "Layer") -> list[Slot]:
    return [Slot(f"{layer.name}/{name}", layer, name) for name in layer.stored_names()]


def _in_order(layer: "Layer", frozen: bool = True) -> list[Slot]:
    """Trained ones first; `frozen` says whether flags of layers count."""
    slots = _slots(layer)
    trained = [s for s in slots if s.weight.trainable and (s.layer.trainable or not frozen)]
    kept = {(id(s.layer), s.name) for s in trained}
    return trained + [s for s in slots if (id(s.layer), s.name) not in kept]


def _orders(layer: "Layer") -> list[list[Slot]]:
    """The orders in which files may have the weights: flags may have been others when saving."""
    return [_in_order(layer), _in_order(layer, frozen=False), _slots(layer)]


# Reading -----------------------------------------------------------------------------------------


class _Stored(NamedTuple):
    """The arrays of one layer in the file."""

    layer_name: str
    group: h5py.Group
    names: list[str]


def load_weights(
    model: "Model",
    group: h5py.Group,
    source: str,
    skip_mismatch: bool = False,
    by_name: bool = False,
) -> None:
    """Read the arrays of all layers. They are all compared with the model before one is read.

    Args:
        model: a built model.
        group: as `save_weights`, Keras or tf.keras wrote it.
        source: the path, for errors.
        skip_mismatch: whether layers that do not fit are left as they are, with a warning.
        by_name: whether layers are found by their names instead of their order; those of other
            names are left as they are.

    Raises:
        ShapeError: if the file is of another model; then nothing is changed.
        CorruptFileError: if the file is damaged.
    """
    if "layer_names" not in group.attrs and "layer_names0" not in group.attrs:
        raise damaged(source, "it has no layer_names; it is no file of weights")
    stored = [_stored(group, name, source) for name in names_in(group, "layer_names", source)]
    pairs = _by_name(model, stored) if by_name else _by_order(model, stored, source)
    if group_at(group, _TOP, source) is not None:
        own = _stored(group, _TOP, source)
        if own.names or model.own_weights:
            pairs.append(([_own(model)], own))
    plan: list[tuple[Slot, h5py.Dataset]] = []
    skipped: list[str] = []
    for orders, entry in pairs:
        _match(orders, entry, source, skip_mismatch, plan, skipped)
    for slot, dataset in plan:
        slot.layer.take_array(slot.name, array_of(dataset))
    if skipped:
        warnings.warn(f"{source}: skipped what does not fit: {' '.join(skipped)}", stacklevel=4)


def _stored(group: h5py.Group, name: str, source: str) -> _Stored:
    below = group_at(group, name, source)
    if below is None:
        raise damaged(source, f"there is no group of the layer {name!r}")
    return _Stored(name, below, names_in(below, "weight_names", source))


def names_in(group: h5py.Group, name: str, source: str) -> list[str]:
    """What `put_names` stored."""
    found = [group.attrs[name]] if name in group.attrs else []
    number = 0
    while f"{name}{number}" in group.attrs:
        found.append(group.attrs[f"{name}{number}"])
        number += 1
    items = [item for part in found for item in np.atleast_1d(part).tolist()]
    if not all(isinstance(item, bytes | str) for item in items):
        raise damaged(source, f"{name} are no names")
    return [item.decode() if isinstance(item, bytes) else item for item in items]


def _by_order(model: "Model", stored: list[_Stored], source: str) -> list[tuple[Any, _Stored]]:
    layers = [layer for layer in model.layers if _slots(layer)]
    entries = [entry for entry in stored if entry.names]
    if len(layers) != len(entries):
        raise ShapeError(
            f"{source}: expected {len(layers)} layers with weights, as in {model.name}, got "
            f"{len(entries)} ({', '.join(entry.layer_name for entry in entries[:5])}, ...). Load a "
            "file of the same model, or set by_name=True."
        )
    return [(_orders(layer), entry) for layer, entry in zip(layers, entries, strict=True)]


def _by_name(model: "Model", stored: list[_Stored]) -> list[tuple[Any, _Stored]]:
    layers = {layer.name: layer for layer in model.layers}
    return [
        (_orders(layers[entry.layer_name]), entry) for entry in stored if entry.layer_name in layers
    ]


def _match(
    orders: list[list[Slot]],
    entry: _Stored,
    source: str,
    skip_mismatch: bool,
    plan: list[tuple[Slot, h5py.Dataset]],
    skipped: list[str],
) -> None:
    """Pair the weights of a layer with arrays; what does not fit is an error, or is skipped."""
    datasets = [dataset_at(entry.group, name, source) for name in entry.names]
    count = len(orders[0])
    place = f"{source}: layer {entry.layer_name!r}"
    if count != len(datasets):
        text = f"{place}: expected {count} arrays, got {len(datasets)}."
        if not skip_mismatch:
            raise ShapeError(f"{text} Load a file of the same model, or set skip_mismatch=True.")
        skipped.append(text)
        return
    slots = next(
        (order for order in orders if _same_names(order, entry.names)),
        next((order for order in orders if _fit(order, datasets)), orders[0]),
    )
    for slot, dataset in zip(slots, datasets, strict=True):
        if _fit([slot], [dataset]):
            plan.append((slot, dataset))
            continue
        text = (
            f"{place}: expected an array of shape {slot.weight.shape} for {slot.path}, got shape "
            f"{dataset.shape} of {dataset.dtype}."
        )
        if not skip_mismatch:
            raise ShapeError(f"{text} Load a file of the same model, or set skip_mismatch=True.")
        skipped.append(text)


def _fit(slots: list[Slot], datasets: list[h5py.Dataset]) -> bool:
    return all(
        slot.weight.shape == dataset.shape and fits_dtype(dtype_of(dataset), slot.weight.dtype)
        for slot, dataset in zip(slots, datasets, strict=True)
    )


def _same_names(slots: list[Slot], names: list[str]) -> bool:
    """Whether `kernel`, `bias`, ... come in this order in the file."""
    return [slot.name for slot in slots] == [
        name.rpartition("/")[2].partition(":")[0] for name in names
    ]
