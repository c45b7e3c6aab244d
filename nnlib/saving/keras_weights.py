"""The weights of a model in an HDF5 file, laid out as in Keras 3."""

import contextlib
import warnings
from typing import TYPE_CHECKING, Any

import h5py

from nnlib.core.errors import NotBuiltError, ShapeError
from nnlib.saving.h5_files import Reader, Writer, group_at
from nnlib.saving.keras_layout import Place, other_paths, places

if TYPE_CHECKING:
    from nnlib.core.layer import Layer


def save_weights(model: "Layer", file: h5py.File) -> None:
    """Write the arrays of all layers."""
    found = places(model)
    with contextlib.ExitStack() as stack:
        for place in found:
            stack.enter_context(place.layer.as_stored())
        for place in found:
            group = file.create_group(f"{place.path}/vars" if place.path else "vars")
            group.attrs["name"] = place.name
            if not place.empty:
                place.layer.save_own_variables(Writer(group))


def load_weights(model: "Layer", file: h5py.File, source: str, skip_mismatch: bool = False) -> None:
    """Read the arrays of all layers. They are all compared with the model before one is read.

    Args:
        model: a built model.
        file: as `save_weights` or Keras wrote it.
        source: the path, for errors.
        skip_mismatch: whether layers that do not fit are left as they are, with a warning.

    Raises:
        ShapeError: if the file is of another model; then nothing is changed.
        CorruptFileError: if the file is damaged.
    """
    found: list[tuple[Place, Reader]] = []
    failed: list[str] = []
    for place in places(model):
        if place.empty:
            continue
        reader = Reader(_group_of(file, place.path, source), f"{source}: {place.path or 'model'}")
        try:
            if _is_ours(place.layer):
                place.layer.check_own_variables(reader)
            found.append((place, reader))
        except ShapeError as error:
            failed.append(str(error))
    if failed and not skip_mismatch:
        raise ShapeError(_report(source, failed))
    for place, reader in found:
        _load(place, reader, failed, skip_mismatch)
    if failed:
        warnings.warn(_report(source, failed), stacklevel=4)


def _load(place: Place, reader: Reader, failed: list[str], skip_mismatch: bool) -> None:
    """Let a layer take its arrays; layers of users may raise what they like."""
    try:
        place.layer.load_own_variables(reader)
    except (ValueError, KeyError) as error:
        if not skip_mismatch or _is_ours(place.layer):
            raise
        failed.append(f"{place.path} ({type(place.layer).__name__}): {error}")


def _is_ours(layer: "Layer") -> bool:
    """Whether nobody but nnlib says what its arrays are."""
    for kind in type(layer).__mro__:
        if "load_own_variables" in vars(kind):
            return kind.__module__.split(".")[0] == "nnlib"
    return True


def _group_of(file: h5py.File, path: str, source: str) -> Any:
    for candidate in (path, *other_paths(path)):
        group = group_at(file, f"{candidate}/vars" if candidate else "vars", source)
        if group is not None:
            return group
    return None


def _report(source: str, failed: list[str]) -> str:
    more = f" And {len(failed) - 1} more layers do not fit." if len(failed) > 1 else ""
    return f"{source}: {failed[0]}{more}"


def require_built(model: "Layer", doing: str) -> None:
    """Raise NotBuiltError for a model whose weights are not declared yet."""
    if not model.built:
        raise NotBuiltError(
            f"{model.name} ({type(model).__name__}): expected a built model for {doing}, got one "
            "whose input shape is not known. Call it on data, or build((None, ...)), before."
        )
