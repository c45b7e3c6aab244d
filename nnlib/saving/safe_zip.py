"""Zip archives that are not trusted: nothing leaves the folder, nothing grows beyond measure."""

import contextlib
import io
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any

from nnlib.core.errors import CorruptFileError
from nnlib.saving.h5_files import damaged

_PIECE = 1 << 20
_MOST_EXPANSION = 200
_NOT_A_BOMB = 1 << 26
_MOST_TEXT = 1 << 28
_LOCAL = struct.Struct("<4s22xHH")
_ERRORS = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError,
           ValueError, KeyError, struct.error, OverflowError, UnicodeError)  # fmt: skip


class SafeZip:
    """An archive to read.

    Args:
        file: of the archive, open.
        place: its path, for errors.

    Raises:
        CorruptFileError: for an archive that is damaged, or names or sizes that may do harm.
    """

    def __init__(self, file: IO[bytes], place: str):
        self.file, self.place = file, place
        self.length = file.seek(0, io.SEEK_END)
        with self._reading():
            self.zip = zipfile.ZipFile(file)
            infos = self.zip.infolist()
        self.infos = {info.filename: info for info in infos}
        if len(self.infos) != len(infos):
            raise damaged(place, "an entry is there twice")
        for info in infos:
            self._check(info)

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except CorruptFileError:
            raise
        except _ERRORS as error:
            raise damaged(self.place, str(error) or type(error).__name__) from error

    def _check(self, info: zipfile.ZipInfo) -> None:
        name = info.filename
        path = PurePosixPath(name)
        odd = "\\" in name or "\0" in name or ":" in name or not name.isprintable()
        if path.is_absolute() or ".." in path.parts or odd or not name:
            raise damaged(self.place, f"the entry {name!r} would leave its folder")
        if info.external_attr >> 28 == 0xA:
            raise damaged(self.place, f"the entry {name!r} is a link")
        if info.compress_size > self.length or info.header_offset >= self.length:
            raise damaged(self.place, f"the entry {name!r} is longer than the file")
        most = max(_NOT_A_BOMB, _MOST_EXPANSION * info.compress_size)
        stored = info.compress_type == zipfile.ZIP_STORED
        if info.file_size > (info.compress_size if stored else most):
            raise damaged(self.place, f"the entry {name!r} says it has {info.file_size} bytes")

    def __contains__(self, name: str) -> bool:
        return name in self.infos

    def text(self, name: str) -> str:
        """The text of a small entry; its checksum is verified."""
        if name not in self:
            raise damaged(self.place, f"it has no {name}")
        if self.infos[name].file_size > _MOST_TEXT:
            raise damaged(self.place, f"{name} is too long")
        with self._reading():
            return self.zip.read(name).decode("utf-8")

    def extract(self, prefix: str, folder: Path) -> None:
        """Write the entries below `prefix` into a folder; their checksums are verified."""
        for name, info in self.infos.items():
            if not name.startswith(prefix) or info.is_dir():
                continue
            target = folder / PurePosixPath(name)
            target.parent.mkdir(parents=True, exist_ok=True)
            with self._reading(), self.zip.open(info) as source, target.open("wb") as out:
                while piece := source.read(_PIECE):
                    out.write(piece)

    @contextlib.contextmanager
    def seekable(self, name: str) -> Iterator[Any]:
        """A file object for a large entry, whose checksum has been verified.

        One that is stored as it is, as all of Keras' are, is read where it lies.
        """
        info = self.infos[name]
        if info.compress_type == zipfile.ZIP_STORED:
            yield self._part(info)
            return
        with tempfile.TemporaryFile() as copy:
            with self._reading(), self.zip.open(info) as source:
                while piece := source.read(_PIECE):
                    copy.write(piece)
            copy.seek(0)
            yield copy

    def _part(self, info: zipfile.ZipInfo) -> "FilePart":
        with self._reading():
            self.zip.open(info).close()  # compares the header in front with the directory
            self.file.seek(info.header_offset)
            _, name, extra = _LOCAL.unpack(self.file.read(_LOCAL.size))
            start = info.header_offset + _LOCAL.size + name + extra
            if start + info.file_size > self.length:
                raise damaged(self.place, f"{info.filename} is cut off")
            part = FilePart(self.file, start, info.file_size)
            checksum = 0
            while piece := part.read(_PIECE):
                checksum = zlib.crc32(piece, checksum)
            if checksum != info.CRC:
                raise damaged(self.place, f"the checksum of {info.filename} is wrong")
            part.seek(0)
            return part


class FilePart(io.RawIOBase):
    """Some bytes of a file, as a file to read."""

    def __init__(self, file: IO[bytes], start: int, size: int):
        super().__init__()
        self.file, self.start, self.size = file, start, size
        self.position = 0

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place, counted from the beginning of the part."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self.position, io.SEEK_END: self.size}[whence]
        self.position = max(0, base + offset)
        return self.position

    def tell(self) -> int:
        """The place that is read next."""
        return self.position

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer; the number of bytes read."""
        view = memoryview(buffer).cast("B")
        count = max(0, min(len(view), self.size - self.position))
        self.file.seek(self.start + self.position)
        done = self.file.readinto(view[:count]) if count else 0  # type: ignore[attr-defined]
        self.position += done
        return done
