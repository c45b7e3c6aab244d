"""A file for HDF5 to write to: a full disk is noted, and told when HDF5 is done."""

import io
import os
from pathlib import Path
from typing import Any


class PatientFile(io.RawIOBase):
    """A new file that takes whatever is written; where the disk did not, `finish` raises.

    HDF5 keeps what it could not write, tries again while it closes, and ends the process if that
    fails, too.
    """

    def __init__(self, path: Path):
        super().__init__()
        self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o666)
        self.position = self.size = 0
        self.error: OSError | None = None

    def readable(self) -> bool:
        """True."""
        return True

    def writable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self.position, io.SEEK_END: self.size}[whence]
        self.position = base + offset
        return self.position

    def tell(self) -> int:
        """The place that is read or written next."""
        return self.position

    def write(self, data: Any) -> int:
        """Write all of `data`, or note why not."""
        rest = memoryview(data).cast("B")
        count = len(rest)
        try:
            while rest and self.error is None:
                done = os.pwrite(self.descriptor, rest, self.position)
                rest, self.position = rest[done:], self.position + done
        except OSError as error:
            self.error = error
        self.position += len(rest)
        self.size = max(self.size, self.position)
        return count

    def readinto(self, buffer: Any) -> int:
        """Read what was written; zeros where it was not."""
        view = memoryview(buffer).cast("B")
        found = os.pread(self.descriptor, len(view), self.position)
        view[:] = found + bytes(len(view) - len(found))
        self.position += len(view)
        return len(view)

    def truncate(self, size: int | None = None) -> int:
        """Set the length."""
        self.size = self.position if size is None else size
        try:
            os.ftruncate(self.descriptor, self.size)
        except OSError as error:
            self.error = self.error or error
        return self.size

    def finish(self) -> None:
        """Raise what the disk refused, if anything."""
        if self.error is not None:
            raise self.error

    def close(self) -> None:
        """Close the file."""
        if not self.closed:
            os.close(self.descriptor)
        super().close()
