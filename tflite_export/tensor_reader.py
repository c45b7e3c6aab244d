"""Tensors of a .tflite file, with shapes, constants and quantisation that fit each other."""

from __future__ import annotations

import math

import numpy as np

from .builtin_names import TYPE_BITS, TYPE_NAMES
from .flatbuffer_reader import Content, Table
from .model_info import QuantisationInfo, TensorInfo

_DETAILS = (None, "custom", "blockwise", "multi_axis")
_MAX_RANK = 64  # far beyond any kernel; a longer shape is a length that lies
_NO_SCALE = np.zeros(0, np.float32)
_NO_ZERO_POINT = np.zeros(0, np.int64)


class TensorReader:
    """Reads tensor tables.

    Args:
        content: the file.
        buffers: bytes of each buffer, None for an empty one.
    """

    def __init__(self, content: Content, buffers: list[np.ndarray | None]) -> None:
        self.content = content
        self.buffers = buffers

    def read(self, index: int, table: Table) -> TensorInfo:
        """The tensor of a table.

        Args:
            index: its number in the subgraph.
            table: the table.

        Returns:
            The tensor.

        Raises:
            CorruptModelError: its parts contradict each other.
        """
        number = table.scalar(1, "int8", "type")
        if not 0 <= number < len(TYPE_NAMES):
            raise self.content.corrupt(
                f"{table.where}.type", f"a number from 0 to {len(TYPE_NAMES) - 1}", str(number)
            )
        dtype = TYPE_NAMES[number]
        stated = self._sizes(table, 0, "shape")
        free = self._sizes(table, 7, "shape_signature")
        if free and len(free) != len(stated):
            raise self.content.corrupt(
                f"{table.where}.shape_signature", f"{len(stated)} sizes", f"{len(free)}"
            )
        shape = tuple(None if size < 0 else size for size in (free or stated))
        buffer = table.scalar(2, "uint32", "buffer")
        sparse = table.child(6, "sparsity") is not None
        data = self._data(table, buffer)
        if data is not None and not sparse:
            self._check_size(table, stated, dtype, int(data.size))
        return TensorInfo(
            index=index,
            name=table.text(3, "name") or "",
            shape=shape,
            dtype=dtype,
            buffer=buffer,
            data=data,
            quantisation=self._quantisation(table, stated),
            variable=bool(table.scalar(5, "bool", "is_variable")),
            sparse=sparse,
        )

    def _sizes(self, table: Table, slot: int, name: str) -> tuple[int, ...]:
        array = table.array(slot, "<i4", name)
        if array is None:
            return ()
        where = f"{table.where}.{name}"
        if array.size > _MAX_RANK:
            raise self.content.corrupt(where, f"at most {_MAX_RANK} sizes", str(array.size))
        sizes = tuple(array.tolist())
        if any(size < -1 for size in sizes):
            raise self.content.corrupt(where, "sizes of at least -1", str(sizes))
        return sizes

    def _data(self, table: Table, buffer: int) -> np.ndarray | None:
        if buffer == 0:  # the empty buffer that activations name
            return self.buffers[0] if self.buffers else None
        if buffer >= len(self.buffers):
            raise self.content.corrupt(
                f"{table.where}.buffer", f"below {len(self.buffers)}", str(buffer)
            )
        return self.buffers[buffer]

    def _check_size(self, table: Table, shape: tuple[int, ...], dtype: str, got: int) -> None:
        bits = TYPE_BITS.get(dtype)
        if bits is None:  # strings and resources have elements of no fixed size
            return
        expected = -(-math.prod(shape) * bits // 8)
        if got != expected or any(size < 0 for size in shape):
            raise self.content.corrupt(
                f"{table.where}.buffer", f"{expected} bytes for {dtype}{list(shape)}", str(got)
            )

    def _quantisation(self, table: Table, shape: tuple[int, ...]) -> QuantisationInfo | None:
        entry = table.child(4, "quantization")
        if entry is None:
            return None
        kind = entry.scalar(4, "uint8", "details_type")
        if kind >= len(_DETAILS):
            raise self.content.corrupt(
                f"{entry.where}.details_type", f"below {len(_DETAILS)}", str(kind)
            )
        scale = entry.array(2, "<f4", "scale")
        minimum, maximum = entry.array(0, "<f4", "min"), entry.array(1, "<f4", "max")
        if scale is None and minimum is None and maximum is None and kind == 0:
            return None  # TensorFlow writes an empty table for plain tensors
        scale = _NO_SCALE if scale is None else scale
        zero = entry.array(3, "<i8", "zero_point")
        zero = _NO_ZERO_POINT if zero is None else zero
        axis = entry.scalar(6, "int32", "quantized_dimension")
        self._check_scales(entry, scale, zero, axis, shape)
        return QuantisationInfo(scale, zero, axis, minimum, maximum, _DETAILS[kind])

    def _check_scales(
        self,
        entry: Table,
        scale: np.ndarray,
        zero: np.ndarray,
        axis: int,
        shape: tuple[int, ...],
    ) -> None:
        if zero.size not in (0, scale.size):
            raise self.content.corrupt(
                f"{entry.where}.zero_point", f"{scale.size} numbers, as of scale", str(zero.size)
            )
        if scale.size <= 1:
            return
        if not 0 <= axis < len(shape):
            raise self.content.corrupt(
                f"{entry.where}.quantized_dimension", f"below {len(shape)}", str(axis)
            )
        if shape[axis] != scale.size:
            raise self.content.corrupt(
                f"{entry.where}.scale", f"{shape[axis]} numbers for axis {axis}", str(scale.size)
            )
