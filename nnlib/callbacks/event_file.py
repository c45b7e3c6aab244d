"""TensorBoard's event files, written without TensorFlow.

A file is a row of records: length, checksum, an `Event` protocol buffer, checksum. Field numbers
are those of `event.proto`, `summary.proto` and `graph.proto`.
"""

import itertools
import os
import socket
import struct
import time
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

_files = itertools.count()


class EventFile:
    """One event file in `folder`, made with the first record.

    Args:
        folder: where TensorBoard looks for it.
    """

    def __init__(self, folder: Any):
        self.folder = Path(folder)
        self._file: Any = None

    def scalar(self, tag: str, value: float, step: int) -> None:
        """A point of a curve."""
        self._summary(tag, _fixed32(2, float(value)), step)

    def histogram(self, tag: str, values: np.ndarray, step: int, buckets: int = 30) -> None:
        """How values are distributed; those that are not finite are left out."""
        flat = np.asarray(values, np.float64).ravel()
        flat = flat[np.isfinite(flat)]
        if not flat.size:
            return
        counts, edges = np.histogram(flat, buckets)
        body = b"".join(
            [
                _fixed64(1, flat.min()),
                _fixed64(2, flat.max()),
                _fixed64(3, flat.size),
                _fixed64(4, flat.sum()),
                _fixed64(5, np.square(flat).sum()),
                _bytes(6, edges[1:].astype("<f8").tobytes()),
                _bytes(7, counts.astype("<f8").tobytes()),
            ]
        )
        self._summary(tag, _bytes(5, body), step)

    def image(self, tag: str, png: bytes, height: int, width: int, step: int) -> None:
        """A picture, as the bytes of a PNG file."""
        body = _varint(1, height) + _varint(2, width) + _varint(3, 3) + _bytes(4, png)
        self._summary(tag, _bytes(4, body), step)

    def graph(self, nodes: Mapping[str, tuple[str, Iterable[str]]]) -> None:
        """The graph of a model: for each node its kind, and the nodes that it takes from."""
        body = b""
        for name, (kind, sources) in nodes.items():
            node = _text(1, name) + _text(2, kind)
            body += _bytes(1, node + b"".join(_text(3, source) for source in sources))
        self._write(_bytes(4, body))

    def _summary(self, tag: str, value: bytes, step: int) -> None:
        summary = _bytes(1, _text(1, tag) + value)
        self._write(_varint(2, int(step)) + _bytes(5, summary))

    def _write(self, event: bytes) -> None:
        if self._file is None:
            self._open()
        self._record(_fixed64(1, time.time()) + event)

    def _open(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        place = f"{socket.gethostname()}.{os.getpid()}.{next(_files)}"
        name = f"events.out.tfevents.{int(time.time()):010d}.{place}.v2"
        self._file = (self.folder / name).open("ab")
        self._record(_fixed64(1, time.time()) + _text(3, "brain.Event:2"))

    def _record(self, data: bytes) -> None:
        length = struct.pack("<Q", len(data))
        self._file.write(length + _checksum(length) + data + _checksum(data))

    def flush(self) -> None:
        """Let a TensorBoard that is running see what there is."""
        if self._file is not None:
            self._file.flush()

    def close(self) -> None:
        """Complete the file."""
        if self._file is not None:
            self._file.close()
            self._file = None


# Protocol buffers ------------------------------------------------------------------------------


def _number(value: int) -> bytes:
    value &= 2**64 - 1
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def _varint(field: int, value: int) -> bytes:
    return _number(field << 3) + _number(value)


def _fixed64(field: int, value: Any) -> bytes:
    return _number(field << 3 | 1) + struct.pack("<d", float(value))


def _fixed32(field: int, value: float) -> bytes:
    return _number(field << 3 | 5) + struct.pack("<f", value)


def _bytes(field: int, value: bytes) -> bytes:
    return _number(field << 3 | 2) + _number(len(value)) + value


def _text(field: int, value: str) -> bytes:
    return _bytes(field, value.encode())


# Checksums: CRC-32C (RFC 3720), rotated and shifted as records have it ----------------------------


@cache
def _table() -> list[int]:
    table = []
    for index in range(256):
        value = index
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


def crc32c(data: bytes) -> int:
    """The CRC-32C of some bytes.

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    table, value = _table(), 0xFFFFFFFF
    for byte in data:
        value = table[(value ^ byte) & 255] ^ value >> 8
    return value ^ 0xFFFFFFFF


def _checksum(data: bytes) -> bytes:
    crc = crc32c(data)
    rotated = (crc >> 15 | crc << 17) & 0xFFFFFFFF
    return struct.pack("<I", (rotated + 0xA282EAD8) & 0xFFFFFFFF)
