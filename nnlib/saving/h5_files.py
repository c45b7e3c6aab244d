"""HDF5 files: written so that damage is found, and read without trusting them."""

import contextlib
import math
from collections.abc import Iterator
from typing import Any

import h5py
import jax.numpy as jnp
import numpy as np

from nnlib.core.errors import CorruptFileError, NnlibError
from nnlib.core.keeping import readable
from nnlib.saving.patient_file import PatientFile

_CHECKED = ("v110", "v110")  # the layout of HDF5 1.10: headers have checksums
_CHUNK = 1 << 20
_ALIGNMENT = 64
_COMPACT = 1 << 12
_NOT_A_BOMB = 1 << 26
_MOST_EXPANSION = 1000


@contextlib.contextmanager
def created(path: Any, checksums: bool) -> Iterator[h5py.File]:
    """A new file. With `checksums` a flipped bit anywhere is found when it is read.

    Without, arrays lie in one piece each, for files inside archives, which have their own.
    """
    with PatientFile(path) as patient:
        libver = _CHECKED if checksums else None
        with h5py.File(patient, "w", libver=libver) as file:
            yield file
        patient.finish()


@contextlib.contextmanager
def opened(file: Any, place: str) -> Iterator[h5py.File]:
    """A file to read: a path or a file object. Whatever HDF5 dislikes is a CorruptFileError."""
    with reading(place), h5py.File(file, "r") as opened_file:
        yield opened_file


@contextlib.contextmanager
def reading(place: str) -> Iterator[None]:
    """Within the block, errors of h5py are CorruptFileErrors about `place`."""
    try:
        yield
    except (NnlibError, FileNotFoundError, PermissionError, IsADirectoryError):
        raise
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, OverflowError,
            AttributeError, RecursionError) as error:  # fmt: skip
        if _is_of_h5py(error):
            raise damaged(place, str(error)) from error
        raise


def _is_of_h5py(error: BaseException) -> bool:
    """Whether h5py raised it, or NumPy on what h5py gave it."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    name = "" if trace is None else trace.tb_frame.f_globals.get("__name__", "")
    return name.startswith(("h5py", "nnlib.saving", "numpy", "json"))


def damaged(place: str, why: str) -> CorruptFileError:
    """The error of a file that cannot be read."""
    return CorruptFileError(
        f"{place}: expected a whole file, got one that is damaged or made up ({why}). Take another "
        "copy of it."
    )


# Writing -----------------------------------------------------------------------------------------


def _checked_layout(array: np.ndarray) -> h5py.h5p.PropDCID:
    """How an array is stored so that a flipped bit is found."""
    layout = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    if array.nbytes > _COMPACT:
        layout.set_chunk(_chunks(array))
        layout.set_fletcher32()
    else:  # into the header, which has a checksum of its own; scalars cannot do otherwise
        layout.set_layout(h5py.h5d.COMPACT)
    return layout


def _chunks(array: np.ndarray) -> tuple[int, ...]:
    """Pieces of about a megabyte: reading one needs no more memory than that."""
    shape = list(array.shape)
    while math.prod(shape) * array.itemsize > _CHUNK:
        axis = next(i for i, size in enumerate(shape) if size > 1)
        shape[axis] = (shape[axis] + 1) // 2
    return tuple(shape)


class Writer(dict[str, Any]):
    """What `save_own_variables` is given: arrays go to the file as they are set.

    They are stored as Keras does: bfloat16 as raw bytes with a note.
    """

    def __init__(self, group: h5py.Group):
        super().__init__()
        self.group = group
        self._checksums = group.file.libver == _CHECKED  # asked once: it costs as much as an array

    def __setitem__(self, key: str, value: Any) -> None:
        array = np.asarray(readable(value))
        layout = _checked_layout(array) if self._checksums else None
        dataset = self.group.create_dataset(key, data=array, dcpl=layout)
        if array.dtype == jnp.bfloat16:
            dataset.attrs["dtype"] = "bfloat16"


# Reading -----------------------------------------------------------------------------------------


def group_at(parent: h5py.Group, path: str, place: str) -> h5py.Group | None:
    """The group at a path, or None; links to elsewhere are refused on the way."""
    current = parent
    for name in path.split("/"):
        if not _has(current, name):
            return None
        current = _member(current, name, place)
        if not isinstance(current, h5py.Group):
            raise damaged(place, f"{path} is no group")
    return current


def dataset_at(group: h5py.Group, path: str, place: str) -> h5py.Dataset:
    """A dataset that is all in this file."""
    *folders, name = [part for part in path.split("/") if part] or [""]
    parent = group_at(group, "/".join(folders), place) if folders else group
    if parent is None or not _has(parent, name):
        raise damaged(place, f"there is no {path}")
    dataset = _member(parent, name, place)
    if not isinstance(dataset, h5py.Dataset):
        raise damaged(place, f"{path} is no array")
    if dataset.external or dataset.is_virtual:
        raise damaged(place, f"{path} is in another file")
    if dataset.shape is None:
        raise damaged(place, f"{path} has no shape")
    size = dataset.size * dataset.dtype.itemsize
    if size > _NOT_A_BOMB and size > _MOST_EXPANSION * dataset.id.get_storage_size():
        stored = dataset.id.get_storage_size()
        raise damaged(place, f"{path} says it has {size} bytes, of which {stored} are stored")
    return dataset


def _has(group: h5py.Group, name: str) -> bool:
    return name not in ("", ".") and bool(group.id.links.exists(name.encode()))


def _member(group: h5py.Group, name: str, place: str) -> Any:
    if group.id.links.get_info(name.encode()).type != h5py.h5l.TYPE_HARD:
        raise damaged(place, f"{name} is a link to elsewhere")
    return group[name]


def array_of(dataset: h5py.Dataset) -> np.ndarray:
    """Its values, read once."""
    array = _aligned(dataset.shape, dataset.dtype)
    if array.size:
        dataset.id.read(h5py.h5s.ALL, h5py.h5s.ALL, array)
    return array.view(dtype_of(dataset))


def _aligned(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Memory that JAX takes over on a CPU as it is, instead of copying it."""
    size = math.prod(shape) * dtype.itemsize
    raw = np.empty(size + _ALIGNMENT, np.uint8)
    start = -raw.ctypes.data % _ALIGNMENT
    return raw[start : start + size].view(dtype).reshape(shape)


def dtype_of(dataset: h5py.Dataset) -> np.dtype:
    """The dtype of its values."""
    raw = dataset.dtype.kind == "V" and dataset.dtype.itemsize == 2
    noted = raw and dataset.attrs.get("dtype") == "bfloat16"
    return np.dtype(jnp.bfloat16) if noted else dataset.dtype


class Reader:
    """What `load_own_variables` is given: a dict from strings to arrays that are read when asked.

    Args:
        group: the group of a layer's arrays, or None where the file has none.
        place: of the group, for errors.
    """

    def __init__(self, group: h5py.Group | None, place: str):
        self.group, self.place = group, place
        self._found: dict[str, h5py.Dataset] = {}

    def __len__(self) -> int:
        return 0 if self.group is None else len(self.group)

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __contains__(self, key: object) -> bool:
        return str(key) in self._found or (self.group is not None and _has(self.group, str(key)))

    def __getitem__(self, key: str) -> np.ndarray:
        if key not in self:
            raise KeyError(key)
        with reading(self.place):
            return array_of(self._dataset(key))

    def keys(self) -> list[str]:
        """The names of the arrays."""
        return [] if self.group is None else list(self.group)

    def spec(self, key: str) -> tuple[tuple[int, ...], np.dtype]:
        """Shape and dtype of an array, without reading it."""
        with reading(self.place):
            dataset = self._dataset(key)
            return dataset.shape, dtype_of(dataset)

    def _dataset(self, key: str) -> h5py.Dataset:
        if key not in self._found:
            assert self.group is not None
            self._found[key] = dataset_at(self.group, key, self.place)
        return self._found[key]
