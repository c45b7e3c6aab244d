"""Arrays of a PyTorch checkpoint as it was written before PyTorch 1.6, without PyTorch.

The file is five pickles (a magic number, a version, the machine, the tensors, the keys of their
storages) and the storages themselves, each as a count and its numbers.
"""

import pickle
from collections import OrderedDict
from typing import Any, BinaryIO, NamedTuple

import numpy as np

MAGIC, VERSION = 0x1950A86A20F9469CFC6C, 1001


class Storage(NamedTuple):
    """Numbers that stand further behind in the file."""

    dtype: str
    key: str
    count: int


class Tensor(NamedTuple):
    """A view of a storage; offset and strides count numbers, not bytes."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    requires_grad: bool
    hooks: Any

    def read(self, storages: dict[str, np.ndarray]) -> np.ndarray:
        numbers = storages[self.storage.key]
        size = numbers.itemsize
        strides = tuple(size * stride for stride in self.strides)
        return np.ndarray(self.shape, numbers.dtype, numbers, size * self.offset, strides)


ALLOWED: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): Tensor,
    ("torch", "FloatStorage"): "<f4",
    ("torch", "LongStorage"): "<i8",
}


class Restricted(pickle.Unpickler):
    """An unpickler that knows dictionaries and tensors, and can call nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        try:
            return ALLOWED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"{module}.{name} is not a part of a tensor") from None

    def persistent_load(self, pid: Any) -> Storage:
        kind, dtype, key, _, count, view = pid
        if kind != "storage" or view is not None:
            raise pickle.UnpicklingError(f"{kind!r}, {view!r} is not a whole storage")
        return Storage(dtype, key, count)


def read_storage(file: BinaryIO, storage: Storage) -> np.ndarray:
    (count,) = np.frombuffer(file.read(8), "<i8")
    if count != storage.count:
        raise ValueError(f"{count} numbers where the tensors want {storage.count}")
    dtype = np.dtype(storage.dtype)
    return np.frombuffer(file.read(count * dtype.itemsize), dtype, count)


def load(file: BinaryIO) -> dict[str, np.ndarray]:
    """The arrays by their names."""
    magic, version, _, tensors, keys = (Restricted(file).load() for _ in range(5))
    if (magic, version) != (MAGIC, VERSION):
        raise ValueError("not a checkpoint of a PyTorch before 1.6")
    storages = {tensor.storage.key: tensor.storage for tensor in tensors.values()}
    arrays = {key: read_storage(file, storages[key]) for key in keys}
    return {name: tensor.read(arrays) for name, tensor in tensors.items()}
