"""Pickles of numpy arrays, which the files of some data sets are, and of nothing else."""

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from nnlib.core.errors import DataError

_ALLOWED = {
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
}


class ArrayUnpickler(pickle.Unpickler):
    """Refuses to load anything but arrays and Python's own containers: a pickle can run code."""

    def find_class(self, module: str, name: str) -> Any:
        """The class, if it is one of numpy's arrays.

        Raises:
            DataError: for any other.
        """
        if (module, name) not in _ALLOWED:
            raise DataError(
                f"datasets: expected a file of arrays, got one that names {module}.{name}. It may "
                "be damaged or made to do harm; delete it."
            )
        return super().find_class(module, name)


def load_npz(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an npz file, object arrays too."""
    with zipfile.ZipFile(path) as archive:
        members = [name for name in archive.namelist() if name.endswith(".npy")]
        return {name[:-4]: _load_array(archive.read(name)) for name in members}


def _load_array(content: bytes) -> np.ndarray:
    file = io.BytesIO(content)
    try:
        return np.lib.format.read_array(file, allow_pickle=False)
    except ValueError:  # an object array: a pickle stands behind the header
        file.seek(0)
    version = np.lib.format.read_magic(file)
    if version[0] == 1:
        np.lib.format.read_array_header_1_0(file)
    else:
        np.lib.format.read_array_header_2_0(file)
    return ArrayUnpickler(file).load()
