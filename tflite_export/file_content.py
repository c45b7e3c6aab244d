"""The content of a file in parts, which need not lie in memory one after the other."""

from __future__ import annotations

import contextlib
import functools
import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

from .errors import InputSpecError

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
        """Write the file, part by part; one that was there stays whole until the end.

        Args:
            path: where to; missing folders are created.

        Returns:
            The path.
        """
        with _beside(self, path):
            return Path(path)


def check_path(path: str | os.PathLike[str] | None) -> None:
    """Refuse what cannot be the path of a file, before the work is done.

    Args:
        path: where a file shall be written; None is allowed.

    Raises:
        InputSpecError: it is a folder, or no path.
    """
    if path is None:
        return
    if not isinstance(path, str | os.PathLike):
        got = repr(path)
    elif Path(path).is_dir() or os.fspath(path).endswith(("/", os.sep)):
        got = f"the folder {os.fspath(path)!r}"
    else:
        return
    raise InputSpecError("path", "the path of a file", got, "Write path='model.tflite'.")


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
    if path is not None and len(file.parts) > 1:
        with _beside(file, path) as written:
            yield written
        return
    yield file
    if path is not None:
        file.write(path)


@contextlib.contextmanager
def _beside(file: FileContent, path: str | os.PathLike[str]) -> Iterator[Path]:
    """Write a file beside its place, and move it there after the block ended without an error."""
    target = Path(path).resolve()  # through a link, which stays
    target.parent.mkdir(parents=True, exist_ok=True)
    there = target.exists()
    if there and not target.is_file():  # a device; a folder is an error
        _write(file, target, "wb")
        yield target
        return
    # A name of its own, since another process may write the same file now.
    part = target.with_name(f"{target.name}.{secrets.token_hex(4)}.part")
    try:
        _write(file, part, "xb")
        yield part
        if there:
            shutil.copymode(target, part)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _write(file: FileContent, path: Path, mode: str) -> None:
    with path.open(mode) as stream:
        stream.writelines(file.parts)
