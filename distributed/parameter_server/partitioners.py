"""Into how many pieces a weight is cut, so that several parameter servers share it."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from nnlib.core.errors import ArgumentError


class Partitioner(ABC):
    """`partitioner(shape, dtype, axis=0)`: the number of pieces along each axis."""

    def __call__(self, shape: Sequence[int], dtype: Any, axis: int = 0) -> list[int]:
        """Pieces along each axis: 1 everywhere but along `axis`.

        Args:
            shape: of the weight.
            dtype: of its elements.
            axis: the one that is cut.

        Raises:
            ArgumentError: for an axis that the shape does not have.
        """
        if not -len(shape) <= axis < max(1, len(shape)):
            raise ArgumentError(
                f"{type(self).__name__}: expected an axis of the shape {tuple(shape)}, got {axis}."
            )
        counts = [1] * len(shape)
        if shape and shape[axis] > 0:
            row = math.prod(shape) // shape[axis] * np.dtype(dtype).itemsize
            counts[axis] = max(1, min(self.pieces(int(shape[axis]), row), int(shape[axis])))
        return counts

    @abstractmethod
    def pieces(self, rows: int, row_bytes: int) -> int:
        """How many pieces are wanted of so many rows of so many bytes."""


class FixedShardsPartitioner(Partitioner):
    """The same number of pieces for every weight.

    Args:
        num_shards: how many; at most one for each row.

    >>> import nnlib as nn
    >>> nn.distributed.FixedShardsPartitioner(2)((10, 3), "float32")
    [2, 1]
    """

    def __init__(self, num_shards: int):
        self.num_shards = _count("FixedShardsPartitioner", "num_shards", num_shards)

    def pieces(self, rows: int, row_bytes: int) -> int:
        """See `Partitioner`."""
        return self.num_shards


class MinSizePartitioner(Partitioner):
    """A piece for every so many bytes, begun ones included, as TensorFlow counts them.

    Args:
        min_shard_bytes: in bytes; 256 KiB by default.
        max_shards: the largest number of pieces.

    >>> import nnlib as nn
    >>> nn.distributed.MinSizePartitioner(min_shard_bytes=4, max_shards=2)((6, 1), "float32")
    [2, 1]
    """

    def __init__(self, min_shard_bytes: int = 256 << 10, max_shards: int = 1):
        place = type(self).__name__
        self.min_shard_bytes = _count(place, "min_shard_bytes", min_shard_bytes)
        self.max_shards = _count(place, "max_shards", max_shards)

    def pieces(self, rows: int, row_bytes: int) -> int:
        """See `Partitioner`."""
        return min(self.max_shards, -(-rows * row_bytes // self.min_shard_bytes))


class MaxSizePartitioner(Partitioner):
    """As few pieces as there may be, each of at most so many bytes.

    Args:
        max_shard_bytes: the largest piece, in bytes; a single row may be larger.
        max_shards: the largest number of pieces, which then may be larger; None for any.

    >>> import nnlib as nn
    >>> nn.distributed.MaxSizePartitioner(max_shard_bytes=4)((6, 1), "float32")
    [6, 1]
    """

    def __init__(self, max_shard_bytes: int, max_shards: int | None = None):
        place = type(self).__name__
        self.max_shard_bytes = _count(place, "max_shard_bytes", max_shard_bytes)
        self.max_shards = None if max_shards is None else _count(place, "max_shards", max_shards)

    def pieces(self, rows: int, row_bytes: int) -> int:
        """See `Partitioner`."""
        wanted = -(-rows // max(1, self.max_shard_bytes // max(1, row_bytes)))
        return wanted if self.max_shards is None else min(wanted, self.max_shards)


def _count(place: str, name: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ArgumentError(f"{place}: expected {name} to be an integer above 0, got {value!r}.")
    return value
