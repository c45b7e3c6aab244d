"""Weights by path in one safetensors file, with a checksum for each array."""

import contextlib
import json
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlib.core.errors import ShapeError
from nnlib.core.stored import fits_dtype
from nnlib.saving.array_files import contiguous, library, write_arrays
from nnlib.saving.atomic import scratch, writing
from nnlib.saving.h5_files import damaged

if TYPE_CHECKING:
    from nnlib.core.layer import Layer
    from nnlib.models.model import Model

_CHECKSUMS = "crc32"
_DTYPES = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "BOOL": "bool",
           "I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8", "U64": "uint64",
           "U32": "uint32", "U16": "uint16", "U8": "uint8"}  # fmt: skip


def save(model: "Model", path: Path, overwrite: bool = True) -> None:
    """Write `{path of the weight: array}`, exactly as they are."""
    arrays = {name: contiguous(layer.own_arrays()[own]) for name, (layer, own) in _of(model)}
    checksums = {name: _checksum(name, array) for name, array in arrays.items()}
    metadata = {"format": "nnlib", _CHECKSUMS: json.dumps(checksums)}
    # The library leaves a temporary file behind where it is killed: in a folder that is cleaned up.
    with writing(path, overwrite) as new, scratch(path) as folder:
        write_arrays(folder / "weights", arrays, metadata)
        (folder / "weights").rename(new)


def _of(model: "Model") -> list[tuple[str, tuple["Layer", str]]]:
    return [
        ("/".join((*path, name)), (layer, name)) for path, layer, name, _ in model.weight_specs()
    ]


def _checksum(name: str, array: np.ndarray) -> int:
    """Of the bytes and of what they mean."""
    head = f"{name} {array.dtype.name} {array.shape}".encode()
    raw: Any = array.reshape(-1).view(np.uint8)
    return zlib.crc32(raw, zlib.crc32(head))


def load(model: "Model", path: Path, skip_mismatch: bool = False) -> None:
    """Read what `save` wrote. All shapes are compared with the model before an array is read.

    Raises:
        ShapeError: if the file is of another model; then nothing is changed.
        CorruptFileError: if the file is damaged.
    """
    with _opened(path) as file:
        wanted = dict(_of(model))
        stored = _specs(file, str(path))
        failed = _mismatches(wanted, stored, str(path))
        if failed and not skip_mismatch:
            more = f" And {len(failed) - 1} more do not fit." if len(failed) > 1 else ""
            raise ShapeError(f"{next(iter(failed.values()))}{more}")
        checksums = _checksums(file, str(path))
        for name, (layer, own) in wanted.items():
            if name not in failed:
                layer.take_array(own, _read(file, name, checksums, str(path)))
    if failed:
        warnings.warn(f"{path}: skipped what does not fit: {', '.join(failed)}", stacklevel=3)


def _mismatches(wanted: Any, stored: Any, source: str) -> dict[str, str]:
    """What is wrong with which weight; names that the model does not have are wrong, too."""
    found = {}
    for name, (layer, own) in wanted.items():
        weight = layer.own_weights[own]
        if name not in stored:
            have = ", ".join(list(stored)[:5]) or "nothing"
            found[name] = f"{source}: expected an array {name}, got none. It has {have}."
        elif stored[name][0] != weight.shape or not fits_dtype(stored[name][1], weight.dtype):
            found[name] = (
                f"{source}: expected {name} of shape {weight.shape} for {weight.dtype}, got "
                f"{stored[name][0]} of {stored[name][1]}. Load a file of the same model, or set "
                "skip_mismatch=True."
            )
    for name in stored:
        if name not in wanted:
            found[name] = f"{source}: expected arrays of the model alone, got {name} besides."
    return found


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Whatever the library dislikes is a CorruptFileError."""
    open_file = library("safetensors").safe_open
    broken: Any = library("safetensors").SafetensorError
    if not path.stat().st_size:
        raise damaged(str(path), "it is empty")
    try:
        with open_file(path, framework="numpy", backend="pread") as file:
            yield file
    except broken as error:
        raise damaged(str(path), str(error)) from error


def _specs(file: Any, source: str) -> dict[str, tuple[tuple[int, ...], str]]:
    found = {}
    for name in file.keys():  # noqa: SIM118 - it is no dict
        part = file.get_slice(name)
        if part.get_dtype() not in _DTYPES:
            raise damaged(source, f"{name} is of the dtype {part.get_dtype()}")
        found[name] = tuple(part.get_shape()), _DTYPES[part.get_dtype()]
    return found


def _checksums(file: Any, source: str) -> dict[str, int]:
    """Those that `save` wrote; other writers have none."""
    metadata = file.metadata() or {}
    if metadata.get("format") != "nnlib" and _CHECKSUMS not in metadata:
        return {}
    try:
        found = json.loads(metadata[_CHECKSUMS])
    except (KeyError, ValueError, RecursionError) as error:
        raise damaged(source, "its checksums are damaged") from error
    if not isinstance(found, dict):
        raise damaged(source, "its checksums are damaged")
    return found


def _read(file: Any, name: str, checksums: dict[str, int], source: str) -> np.ndarray:
    array = file.get_tensor(name)
    if checksums and checksums.get(name) != _checksum(name, array):
        raise damaged(source, f"the checksum of {name} is wrong")
    return array
