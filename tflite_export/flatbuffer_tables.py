"""Building blocks of flatbuffers: tables, vectors and strings, of which equal ones are stored once.

Flatbuffers are built back to front: children first, then the tables that point at them.

Source: https://flatbuffers.dev/internals/
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import flatbuffers
import numpy as np

FieldValue: TypeAlias = tuple[str, int, Any, Any]  # type, slot, value, default


class TableBuilder:
    """A flatbuffer that is being written; its methods return offsets for `child`.

    Args:
        size: bytes to begin with; a buffer that is too small is copied as it grows.

    Example:
        >>> tables = TableBuilder(64)
        >>> root = tables.table(child(0, tables.text("name")), ("Uint8", 1, 7, 0))
        >>> tables.finish(root, b"TEST")[4:8]
        b'TEST'
    """

    def __init__(self, size: int) -> None:
        self._builder: Any = flatbuffers.Builder(size)
        self._texts: dict[str, int] = {}
        self._ints: dict[tuple[int, ...], int] = {}
        self._vectors: dict[tuple[str, bytes], int] = {}

    def table(self, *fields: FieldValue) -> int:
        """A table of fields given as (type, slot, value, default)."""
        self._builder.StartObject(1 + max((slot for _, slot, _, _ in fields), default=-1))
        for kind, slot, value, default in fields:
            getattr(self._builder, f"Prepend{kind}Slot")(slot, value, default)
        return int(self._builder.EndObject())

    def tables(self, offsets: Sequence[int]) -> int:
        """A vector of tables written before."""
        self._builder.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            self._builder.PrependUOffsetTRelative(offset)
        return int(self._builder.EndVector())

    def text(self, text: str) -> int:
        """A string."""
        if text not in self._texts:
            self._texts[text] = int(self._builder.CreateString(text))
        return self._texts[text]

    def ints(self, values: Sequence[int]) -> int:
        """A vector of int32; for the many short ones of a graph, quicker than `numbers`."""
        key = tuple(values)
        if key not in self._ints:
            self._builder.StartVector(4, len(key), 4)
            for value in reversed(key):
                self._builder.PrependInt32(value)
            self._ints[key] = int(self._builder.EndVector())
        return self._ints[key]

    def numbers(self, values: Any, dtype: str) -> int:
        """A vector of numbers, in a little-endian dtype such as "<f4"."""
        array = np.asarray(values, dtype)
        key = (dtype, array.tobytes())
        if key not in self._vectors:
            self._vectors[key] = int(self._builder.CreateNumpyVector(array))
        return self._vectors[key]

    def data(self, array: np.ndarray, alignment: int) -> int:
        """A vector of an array's bytes, which begins at a multiple of `alignment`."""
        b = self._builder
        raw = array.reshape(-1).view(np.uint8)
        b.StartVector(1, raw.size, alignment)
        b.head = b.head - raw.size
        b.Bytes[b.head : b.head + raw.size] = raw.data
        return int(b.EndVector())

    def finish(self, root: int, identifier: bytes) -> bytes:
        """The flatbuffer, with its outermost table."""
        self._builder.Finish(root, identifier)
        return bytes(self._builder.Output())


def child(slot: int, offset: int) -> FieldValue:
    """A field that points at a vector, string or table written before."""
    return "UOffsetTRelative", slot, offset, 0
