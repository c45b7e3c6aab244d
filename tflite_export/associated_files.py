"""Files packed behind a model, such as labels: a zip archive after the flatbuffer.

Runtimes read the flatbuffer and ignore what follows; the readers of TensorFlow Lite metadata look
for an archive at the end. Members are stored, not compressed, so that they can be mapped.

Source: the TensorFlow Lite metadata page, which describes associated files.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

import numpy as np

_TAIL = 1 << 16  # an archive's last record is within 64 KiB of the end
_END_RECORD = b"PK\x05\x06"
_MAX_FILES = 64
_MAX_BYTES = 16 << 20
_STAMP = (1980, 1, 1, 0, 0, 0)  # the same files give the same bytes at any time


def archive_of(files: Mapping[str, str]) -> bytes:
    """The archive to put behind a model.

    Args:
        files: text by file name.

    Returns:
        The archive.
    """
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name, _STAMP), text)
    return stream.getvalue()


def read_associated_files(data: np.ndarray) -> dict[str, bytes]:
    """The files behind a model.

    Args:
        data: the model's bytes as a uint8 array.

    Returns:
        Contents by name; {} where there is no archive, or none that can be read: the model runs
        without it. At most 64 files and 16 MiB are looked at.
    """
    if _END_RECORD not in bytes(data[-_TAIL:]):
        return {}
    try:
        return _members(data)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError, RuntimeError):
        return {}


def _members(data: np.ndarray) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    left = _MAX_BYTES
    with zipfile.ZipFile(_ArrayFile(data)) as archive:
        for member in archive.infolist()[:_MAX_FILES]:
            stored = member.compress_type == zipfile.ZIP_STORED
            named = bool(member.filename) and not member.is_dir()
            if not named or not stored or not 0 <= member.file_size <= left:
                continue
            left -= member.file_size
            found[member.filename] = archive.read(member)
    return found


class _ArrayFile(io.RawIOBase):
    """An array as a file to seek in, so that gigabytes need not be copied to find a few labels."""

    def __init__(self, data: np.ndarray) -> None:
        self._data, self._at = data, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: int(self._data.size)}[whence]
        if start + offset < 0:
            raise ValueError("a position before the beginning")
        self._at = start + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1) -> bytes:
        end = int(self._data.size) if size is None or size < 0 else self._at + size
        chunk = bytes(self._data[self._at : end])
        self._at += len(chunk)
        return chunk
