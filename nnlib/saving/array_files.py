"""Arrays by name in one safetensors file: numbers alone, nothing that could run."""

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nnlib.core.errors import CorruptFileError, MissingExtraError
from nnlib.core.keeping import readable


def write_arrays(
    path: Path, arrays: Mapping[str, Any], metadata: dict[str, str] | None = None
) -> None:
    """Write `{name: array}` to `path`, with strings beside them.

    Raises:
        OSError: if the disk refuses.
        MissingExtraError: without safetensors.
    """
    save = library("safetensors.numpy").save_file
    path.touch()
    mode = path.stat().st_mode  # safetensors would leave a file that nobody else may read
    try:
        save({name: contiguous(array) for name, array in arrays.items()}, path, metadata)
    except Exception as error:  # its own kind, which derives from Exception alone
        raise OSError(str(error)) from error
    path.chmod(mode)


def contiguous(array: Any) -> np.ndarray:
    """Rows one after the other: safetensors writes the memory as it lies there."""
    array = np.asarray(readable(array))
    return np.ascontiguousarray(array).reshape(array.shape)


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a file that `write_arrays` wrote.

    Raises:
        CorruptFileError: for a file that is damaged or of another kind.
        MissingExtraError: without safetensors.
    """
    load = library("safetensors.numpy").load_file
    try:
        found: dict[str, np.ndarray] = load(path)
    except FileNotFoundError:
        raise
    except Exception as error:
        raise CorruptFileError(
            f"{path}: expected a whole safetensors file, got: {error}. Take it from a backup."
        ) from error
    return found


def library(name: str) -> Any:
    """A module of safetensors.

    Raises:
        MissingExtraError: if it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError:
        raise MissingExtraError(
            "safetensors: expected the package safetensors, which is not installed. "
            "Run pip install 'nnlib[safetensors]'."
        ) from None
