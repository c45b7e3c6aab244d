"""Arrays by name in one safetensors file: numbers alone, nothing that could run."""

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nnlib.core.errors import CorruptFileError, MissingExtraError


def write_arrays(path: Path, arrays: Mapping[str, Any]) -> None:
    """Write `{name: array}` to `path`.

    Raises:
        MissingExtraError: without safetensors.
    """
    # safetensors writes the memory of an array as it lies there, whatever its strides say.
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    shaped = {name: a.reshape(np.shape(arrays[name])) for name, a in contiguous.items()}
    save = _safetensors().save_file
    path.touch()
    mode = path.stat().st_mode  # safetensors would leave a file that nobody else may read
    save(shaped, path)
    path.chmod(mode)


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a file that `write_arrays` wrote.

    Raises:
        CorruptFileError: for a file that is damaged or of another kind.
        MissingExtraError: without safetensors.
    """
    load = _safetensors().load_file
    try:
        found: dict[str, np.ndarray] = load(path)
    except FileNotFoundError:
        raise
    except Exception as error:
        raise CorruptFileError(
            f"{path}: expected a whole safetensors file, got: {error}. Take it from a backup."
        ) from error
    return found


def _safetensors() -> Any:
    try:
        return importlib.import_module("safetensors.numpy")
    except ImportError:
        raise MissingExtraError(
            "saving: expected safetensors, which is not installed. "
            "Run pip install 'nnlib[safetensors]'."
        ) from None
