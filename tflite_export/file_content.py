"""The content of a file in parts, which need not lie in memory one after the other."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

Part: TypeAlias = "bytes | memoryview"


class FileContent:
    """The parts of a file.

    Args:
        parts: what the file consists of, in order.

    Example:
        >>> content = FileContent([b"TF", b"L3"])
        >>> content.joined, content.size
        (b'TFL3', 4)
    """

    def __init__(self, parts: Sequence[Part]) -> None:
        self.parts = tuple(parts)

    @property
    def size(self) -> int:
        """Number of bytes."""
        return sum(len(part) for part in self.parts)

    @functools.cached_property
    def joined(self) -> bytes:
        """The whole content; where there are several parts, this copies them."""
        first = self.parts[0] if len(self.parts) == 1 else None
        return first if isinstance(first, bytes) else b"".join(self.parts)

    def write(self, path: str | os.PathLike[str]) -> Path:
        """Write the file, part by part.

        Args:
            path: where to; missing folders are created.

        Returns:
            The path.
        """
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            file.writelines(self.parts)
        return target


@contextlib.contextmanager
def saved_after(
    file: FileContent, path: str | os.PathLike[str] | None
) -> Iterator[FileContent | Path]:
    """Save a file under its name only after the block ended without an error.

    Args:
        file: what to save.
        path: where to; nothing is saved if None.

    Yields:
        What the block shall check: `file`, or where it is. A file of several parts lies beside its
        final place, so that it need not be in memory as a whole.
    """
    if path is None or len(file.parts) == 1:
        yield file
        if path is not None:
            file.write(path)
        return
    beside = file.write(f"{os.fspath(path)}.part")
    try:
        yield beside
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
