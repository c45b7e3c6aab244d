"""The weights of a model in a file, in the format that the name of the file says."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py

from nnlib.core.errors import ArgumentError, CheckpointError
from nnlib.saving import (
    keras_archive,
    keras_weights,
    legacy_weights,
    safetensors_weights,
    training_state,
)
from nnlib.saving.atomic import refuse_existing, writing
from nnlib.saving.checkpoint import Checkpoint
from nnlib.saving.h5_files import created, group_at, opened
from nnlib.saving.keras_weights import require_built

if TYPE_CHECKING:
    from nnlib.models.model import Model

_OTHERS = (".keras", ".npz", ".npy", ".json", ".pkl", ".pt", ".pth", ".onnx", ".tflite", ".zip")


def save_weights(
    model: "Model",
    filepath: Any,
    overwrite: bool = True,
    save_format: str | None = None,
    options: Any = None,
) -> None:
    """See `Model.save_weights`."""
    path = Path(filepath)
    _refuse_options("save_weights", options)
    kind = _kind(path, save_format)
    require_built(model, "save_weights")
    if kind == "keras":
        with writing(path, overwrite) as new, created(new, checksums=True) as file:
            keras_weights.save_weights(model, file)
            training_state.save_optimizer(model, file)
    elif kind == "h5":
        with writing(path, overwrite) as new, created(new, checksums=True) as file:
            legacy_weights.save_weights(model, file)
    elif kind == "safetensors":
        safetensors_weights.save(model, path, overwrite)
    else:
        refuse_existing(path, overwrite)
        Checkpoint(model).write(path, weights_only=True)


def _kind(path: Path, save_format: str | None) -> str:
    """The format of a file that is to be written."""
    if save_format not in (None, "h5", "tf"):
        raise ArgumentError(
            f"save_weights: expected save_format to be 'h5', 'tf' or None, got {save_format!r}."
        )
    if save_format == "tf":
        return "folder"
    if path.name.endswith(".weights.h5"):
        return "keras"
    if save_format == "h5" or path.suffix in (".h5", ".hdf5"):
        return "h5"
    if path.suffix in _OTHERS:
        raise ArgumentError(
            f"save_weights: expected a path that ends in .weights.h5, .h5 or .safetensors, or a "
            f"folder, got {str(path)!r}. Whole models are written by model.save()."
        )
    return "safetensors" if path.suffix == ".safetensors" else "folder"


def _refuse_options(place: str, options: Any) -> None:
    if options is not None:
        raise ArgumentError(f"{place}: expected options=None, got {options!r}: there are none.")


def load_weights(
    model: "Model",
    filepath: Any,
    skip_mismatch: bool = False,
    by_name: bool = False,
    options: Any = None,
) -> None:
    """See `Model.load_weights`."""
    path = Path(filepath)
    _refuse_options("load_weights", options)
    require_built(model, "load_weights")
    if path.is_dir():
        _refuse(path, skip_mismatch=skip_mismatch, by_name=by_name)
        Checkpoint(model).restore(path)
    elif not path.exists():
        raise CheckpointError(
            f"{path}: expected a file of weights, got nothing there. "
            f"Beside it: {', '.join(sorted(p.name for p in path.parent.glob('*'))[:10]) or 'none'}."
        )
    elif path.suffix == ".safetensors":
        _refuse(path, by_name=by_name)
        safetensors_weights.load(model, path, skip_mismatch)
    elif path.suffix == ".keras":
        _refuse(path, by_name=by_name)
        keras_archive.load_weights(model, path, skip_mismatch)
    else:
        _load_h5(model, path, skip_mismatch, by_name)


def _load_h5(model: "Model", path: Path, skip_mismatch: bool, by_name: bool) -> None:
    """Which of both layouts a file has is seen in it: `.weights.h5` may be of Keras 2, too."""
    source = str(path)
    with opened(path, source) as file:
        group = _legacy_group(file, source)
        if group is not None:
            legacy_weights.load_weights(model, group, source, skip_mismatch, by_name)
            return
        _refuse(path, by_name=by_name)
        keras_weights.load_weights(model, file, source, skip_mismatch)
        training_state.load_optimizer(model, file, source)


def _legacy_group(file: h5py.File, source: str) -> h5py.Group | None:
    """The group with lists of names: the file itself, or that of a whole model."""
    for group in (file, group_at(file, "model_weights", source)):
        if group is not None and ("layer_names" in group.attrs or "layer_names0" in group.attrs):
            return group
    return None


def _refuse(path: Path, **flags: bool) -> None:
    for name, flag in flags.items():
        if flag:
            raise ArgumentError(
                f"load_weights: expected {name}=False for {str(path)!r}, got True. "
                f"{'Only files of Keras 2 (.h5) tell layers by name' if name == 'by_name' else ''}"
                f"{'A checkpoint is of one model' if name != 'by_name' else ''}."
            )
