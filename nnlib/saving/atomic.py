"""Files and folders that are there whole or not at all, whenever the process ends."""

import contextlib
import ctypes
import os
import re
import shutil
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path

from nnlib.core.errors import NnlibError, SavingError

_MARK = re.compile(r"\.(?P<host>[\w-]+)\.(?P<pid>\d+)\.[0-9a-f]{12}\.tmp")


@contextlib.contextmanager
def writing(path: Path, overwrite: bool = True) -> Iterator[Path]:
    """The path of a file or a folder to write; it becomes `path` when the block ends well.

    What was at `path` stays there until then, and for good where the block raises.

    Raises:
        SavingError: where there is something and `overwrite` is False, or the disk refuses.
    """
    refuse_existing(path, overwrite)
    new = _beside(path)
    try:
        with translated(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            remove_leftovers(path)
        with translated(path):
            yield new
            flush(new)
            replace(new, path)
    finally:
        remove(new)


@contextlib.contextmanager
def scratch(path: Path) -> Iterator[Path]:
    """A new folder beside `path` for pieces of it, deleted in the end."""
    folder = _beside(path)
    with translated(path):
        folder.mkdir()
    try:
        yield folder
    finally:
        remove(folder)


def refuse_existing(path: Path, overwrite: bool) -> None:
    """Raise SavingError if something is at `path` that may not be replaced."""
    if not overwrite and os.path.lexists(path):
        raise SavingError(
            f"{path}: expected nothing there with overwrite=False, got a "
            f"{'folder' if path.is_dir() else 'file'}. Write elsewhere, or set overwrite=True."
        )


@contextlib.contextmanager
def translated(path: Path) -> Iterator[None]:
    """Within the block, errors of the operating system become SavingErrors about `path`."""
    try:
        yield
    except NnlibError:
        raise
    except OSError as error:
        raise SavingError(
            f"{path}: expected to write it, got: {error}. Nothing that was there is lost; check "
            "the space on the disk and the rights of the folder."
        ) from error


def flush(path: Path) -> None:
    """Wait until a file, or all of a folder, is on the disk."""
    for folder, _, names in os.walk(path):
        for name in names:
            _sync(Path(folder) / name)
        _sync(Path(folder))
    if path.is_file():
        _sync(path)


def replace(new: Path, path: Path) -> None:
    """Put `new` in the place of `path`, and wait until the disk knows."""
    if not path.is_dir() or path.is_symlink():
        new.replace(path)
    elif not _exchange(new, path):  # a folder that is not empty cannot be renamed over
        old = old_of(path)
        remove(old)
        path.rename(old)
        new.rename(path)
        remove(old)
    _sync(path.parent)


def old_of(path: Path) -> Path:
    """Where a folder is for an instant on systems that cannot exchange two: look there, too."""
    return path.with_name(f"{path.name}.old")


def _exchange(first: Path, second: Path) -> bool:
    """Let two folders change their names at once, where the system can (Linux)."""
    rename = getattr(ctypes.CDLL(None), "renameat2", None) if os.name == "posix" else None
    here, both_at_once = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    names = os.fsencode(first.absolute()), os.fsencode(second.absolute())
    return rename is not None and rename(here, names[0], here, names[1], both_at_once) == 0


def remove(path: Path) -> None:
    """Delete a file or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()


def remove_leftovers(path: Path) -> None:
    """Delete what processes of this machine that were killed left beside `path`."""
    for other in path.parent.glob(f".{_escaped(path.name)}.*.tmp"):
        found = _MARK.fullmatch(other.name, len(path.name) + 1)
        if found and found["host"] == _host() and not _is_alive(int(found["pid"])):
            remove(other)


def _beside(path: Path) -> Path:
    mark = f"{_host()}.{os.getpid()}.{uuid.uuid4().hex[:12]}"
    return path.with_name(f".{path.name}.{mark}.tmp")


def _host() -> str:
    return re.sub(r"[^\w-]", "-", socket.gethostname()) or "host"


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _escaped(name: str) -> str:
    return re.sub(r"([\[\]*?])", r"[\1]", name)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
