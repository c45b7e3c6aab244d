"""A walker over flatbuffers that trusts nothing: every offset, length and vtable is checked.

A position is only followed when what it names lies inside the content. The number of tables is
bounded by the size of the content, so that a small file whose offsets all point at the same place
cannot make a reader run for hours.

Source: https://flatbuffers.dev/internals/
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import numpy as np

from .errors import CorruptModelError

_MAX_PARTS = 4_000_000
_SCALARS = {
    "bool": "<B",
    "int8": "<b",
    "uint8": "<B",
    "uint16": "<H",
    "int32": "<i",
    "uint32": "<I",
    "uint64": "<Q",
    "float32": "<f",
}
_REMEDY = "The file is damaged, or it is no .tflite file: copy or export it again."


class Content:
    """The bytes of a flatbuffer.

    Args:
        data: a one-dimensional uint8 array.

    Example:
        >>> import numpy as np
        >>> Content(np.zeros(3, np.uint8)).root(b"TFL3")
        Traceback (most recent call last):
        ...
        nnlib.tflite_export.errors.CorruptModelError: file: at least 8 bytes, got 3...
    """

    def __init__(self, data: np.ndarray) -> None:
        self.data = data
        self.size = int(data.size)
        self._view = data.data
        self._left = min(_MAX_PARTS, self.size // 4 + 16)
        self._strings: dict[int, str] = {}

    def root(self, identifier: bytes) -> Table:
        """The table that the file is about.

        Args:
            identifier: the four bytes that files of this kind carry.

        Returns:
            The root table.

        Raises:
            CorruptModelError: too short, another identifier, or a root outside of the file.
        """
        if self.size < 8:
            raise self.corrupt("file", "at least 8 bytes", str(self.size))
        found = bytes(self._view[4:8])
        if found != identifier:
            raise self.corrupt("file", f"the identifier {identifier!r} at byte 4", repr(found))
        return self.table(self.scalar("uint32", 0, "root"), "root")

    def scalar(self, kind: str, position: int, where: str) -> Any:
        """The number of type `kind` at `position`."""
        form = _SCALARS[kind]
        self.check(position, struct.calcsize(form), where)
        return struct.unpack_from(form, self._view, position)[0]

    def check(self, position: int, length: int, where: str) -> None:
        """Refuse a range that does not lie inside the content."""
        if position < 0 or length < 0 or position + length > self.size:
            raise self.corrupt(
                where, f"bytes inside of 0 ... {self.size}", f"{position} ... {position + length}"
            )

    def follow(self, position: int, where: str) -> int:
        """Where the offset at `position` points."""
        self._check_alignment(position, 4, where)
        return position + int(self.scalar("uint32", position, where))

    def table(self, position: int, where: str) -> Table:
        """The table at `position`, with its vtable checked."""
        self.spend(1, where)
        self._check_alignment(position, 4, where)
        vtable = position - int(self.scalar("int32", position, f"{where}: vtable"))
        self._check_alignment(vtable, 2, f"{where}: vtable")
        length = int(self.scalar("uint16", vtable, f"{where}: vtable"))
        extent = int(self.scalar("uint16", vtable + 2, f"{where}: vtable"))
        if length < 4 or length % 2 or extent < 4:
            raise self.corrupt(
                f"{where}: vtable", "sizes of at least 4 bytes", f"{length} and {extent}"
            )
        self.check(vtable, length, f"{where}: vtable")
        self.check(position, extent, where)
        return Table(self, position, vtable, length, extent, where)

    def spend(self, count: int, where: str) -> None:
        """Count tables, or numbers copied; there are no more of them than the file has room for."""
        self._left -= count
        if self._left < 0:
            raise self.corrupt(
                where, "each part of the file to be named by one place", "a part named many times"
            )

    def span(self, position: int, itemsize: int, where: str) -> tuple[int, int]:
        """Start and number of elements of the vector at `position`."""
        self._check_alignment(position, 4, where)
        count = int(self.scalar("uint32", position, where))
        self.check(position + 4, count * itemsize, where)
        return position + 4, count

    def string(self, position: int, where: str) -> str:
        """The text at `position`; bytes that are no UTF-8 are replaced."""
        if position not in self._strings:
            start, count = self.span(position, 1, where)
            raw = bytes(self._view[start : start + count])
            self._strings[position] = raw.decode("utf-8", "replace")
        return self._strings[position]

    def _check_alignment(self, position: int, alignment: int, where: str) -> None:
        if position % alignment:
            raise self.corrupt(where, f"a position divisible by {alignment}", str(position))

    @staticmethod
    def corrupt(where: str, expected: str, got: str) -> CorruptModelError:
        """The error for content that cannot be."""
        return CorruptModelError(where, expected, got, _REMEDY)


class Table:
    """A table of a flatbuffer: fields by their slot number, each optional."""

    __slots__ = ("_extent", "_length", "_vtable", "content", "position", "where")

    def __init__(
        self, content: Content, position: int, vtable: int, length: int, extent: int, where: str
    ) -> None:
        self.content, self.position, self.where = content, position, where
        self._vtable, self._length, self._extent = vtable, length, extent

    def _place(self, slot: int, size: int, where: str) -> int | None:
        """Where a field of `size` bytes is, None if it is left out."""
        entry = 4 + 2 * slot
        if entry + 2 > self._length:
            return None
        offset = int(self.content.scalar("uint16", self._vtable + entry, where))
        if offset == 0:
            return None
        if offset < 4 or offset + size > self._extent:
            raise self.content.corrupt(
                where, f"a field inside of a table of {self._extent} bytes", f"byte {offset}"
            )
        return self.position + offset

    def scalar(self, slot: int, kind: str, name: str, default: Any = 0) -> Any:
        """A number, `default` if it is left out."""
        where = f"{self.where}.{name}"
        place = self._place(slot, struct.calcsize(_SCALARS[kind]), where)
        return default if place is None else self.content.scalar(kind, place, where)

    def child(self, slot: int, name: str) -> Table | None:
        """A table, None if it is left out."""
        place = self._place(slot, 4, f"{self.where}.{name}")
        if place is None:
            return None
        where = f"{self.where}.{name}"
        return self.content.table(self.content.follow(place, where), where)

    def text(self, slot: int, name: str) -> str | None:
        """A string, None if it is left out."""
        where = f"{self.where}.{name}"
        place = self._place(slot, 4, where)
        if place is None:
            return None
        return self.content.string(self.content.follow(place, where), where)

    def array(self, slot: int, dtype: Any, name: str) -> np.ndarray | None:
        """A vector of numbers as a read-only view of the content, None if it is left out."""
        where = f"{self.where}.{name}"
        place = self._place(slot, 4, where)
        if place is None:
            return None
        kind = np.dtype(dtype)
        start, count = self.content.span(self.content.follow(place, where), kind.itemsize, where)
        view = self.content.data[start : start + count * kind.itemsize].view(kind)
        view.flags.writeable = False
        return view

    def tables(self, slot: int, name: str, label: str | None = None) -> Iterator[Table]:
        """The tables of a vector, one after the other; `label` is how errors call one."""
        where = f"{self.where}.{name}"
        place = self._place(slot, 4, where)
        if place is None:
            return
        start, count = self.content.span(self.content.follow(place, where), 4, where)
        for number in range(count):
            one = f"{label or where} {number}"
            yield self.content.table(self.content.follow(start + 4 * number, one), one)
