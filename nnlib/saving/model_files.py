"""Whole models in files, in the format that the name of the file says."""

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnlib.core.errors import ArgumentError, CheckpointError
from nnlib.saving import keras_archive, legacy_model
from nnlib.saving.keras_weights import require_built

if TYPE_CHECKING:
    from nnlib.models.model import Model

_FORMATS = {"keras": "keras", "h5": "h5", "hdf5": "h5", "tf": "folder"}
_SUFFIXES = {".keras": "keras", ".h5": "h5", ".hdf5": "h5", "": "folder"}


def save_model(
    model: "Model",
    filepath: Any,
    overwrite: bool = True,
    include_optimizer: bool = True,
    save_format: str | None = None,
    signatures: Any = None,
    options: Any = None,
) -> None:
    """Write a model to a file; see `Model.save`."""
    path = Path(filepath)
    kind = _kind(path, save_format)
    if options is not None:
        raise ArgumentError(f"save: expected options=None, got {options!r}: there are none.")
    if signatures is not None and kind != "folder":
        raise ArgumentError(
            f"save: expected signatures with a folder alone, got them with {str(path)!r}. Write "
            f"save_format='tf', or {str(path.with_suffix(''))!r}."
        )
    require_built(model, "save")
    if kind == "folder":
        saved_model = importlib.import_module("nnlib.saving.saved_model")
        saved_model.write_saved_model(model, path, overwrite, include_optimizer, signatures)
    elif kind == "keras":
        keras_archive.save(model, path, overwrite, include_optimizer)
    else:
        legacy_model.save(model, path, overwrite, include_optimizer)


def load_model(
    filepath: Any,
    custom_objects: Any = None,
    compile: bool = True,
    safe_mode: bool = True,
    options: Any = None,
) -> Any:
    """The model of a file or a folder that nnlib, Keras 3 or tf.keras (`.h5`) wrote.

    Args:
        filepath: a `.keras` file, a `.h5` file, or a folder that `model.save` wrote.
        custom_objects: classes and functions by name that nnlib does not know.
        compile: whether it is compiled, with the state of its optimizer, if it was.
        safe_mode: only True: nnlib never runs code from a file.
        options: only None.

    Raises:
        CorruptFileError: for a damaged file, and one that was made to do harm.
        UnknownNameError: for a class or function that is not known.
        CheckpointError: if nothing is there.

    >>> import tempfile, numpy as np, nnlib as nn
    >>> model = nn.Sequential([nn.Input((3,)), nn.layers.Dense(2)])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     model.save(folder + "/model.keras")
    ...     again = nn.models.load_model(folder + "/model.keras")
    >>> bool(np.array_equal(again.layers[0].kernel, model.layers[0].kernel))
    True
    """
    path = Path(filepath)
    if options is not None:
        raise ArgumentError(f"load_model: expected options=None, got {options!r}: there are none.")
    if not path.exists():
        beside = ", ".join(sorted(p.name for p in path.parent.glob("*"))[:10]) or "nothing"
        raise CheckpointError(f"{path}: expected a model, got nothing there. Beside it: {beside}.")
    if path.is_dir():
        if (path / keras_archive.WEIGHTS).is_file():
            return keras_archive.load(path, custom_objects, compile, safe_mode)
        saved_model = importlib.import_module("nnlib.saving.saved_model")
        return saved_model.load_saved_model(path).as_model(custom_objects, compile)
    with path.open("rb") as stream:
        is_hdf5 = stream.read(8) == b"\x89HDF\r\n\x1a\n"
    if path.suffix in (".h5", ".hdf5") or is_hdf5:
        return legacy_model.load(path, custom_objects, compile, safe_mode)
    return keras_archive.load(path, custom_objects, compile, safe_mode)


def _kind(path: Path, save_format: str | None) -> str:
    if save_format is not None:
        if save_format not in _FORMATS:
            raise ArgumentError(
                f"save: expected save_format to be 'keras', 'h5' or 'tf', got {save_format!r}."
            )
        return _FORMATS[save_format]
    if path.name.endswith(".weights.h5"):
        raise ArgumentError(
            f"save: expected a path for a whole model, got {str(path)!r}. Write "
            "model.save_weights(path), or a path that ends in .keras."
        )
    if path.suffix not in _SUFFIXES:
        raise ArgumentError(
            "save: expected a path that ends in .keras or .h5, or one without a suffix for a "
            f"folder, got {str(path)!r}."
        )
    return _SUFFIXES[path.suffix]
