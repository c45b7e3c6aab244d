"""Files from the network, kept in a folder."""

import hashlib
import os
import tempfile
import urllib.parse
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

from nnlib.core.errors import ArgumentError, DataError, DownloadError
from nnlib.core.show_line import show_line
from nnlib.utils.archives import extract_archive
from nnlib.utils.progbar import Progbar

_PIECE = 2**20


def nnlib_home() -> Path:
    """The folder for what is kept between runs: $NNLIB_HOME, else ~/.nnlib."""
    return Path(os.environ.get("NNLIB_HOME") or Path.home() / ".nnlib")


def get_file(
    fname: Any = None,
    origin: str | None = None,
    untar: bool = False,
    md5_hash: str | None = None,
    file_hash: str | None = None,
    cache_subdir: Any = "datasets",
    hash_algorithm: str = "auto",
    extract: bool = False,
    archive_format: str | Sequence[str] | None = "auto",
    cache_dir: Any = None,
    force_download: bool = False,
) -> str:
    """Download a file, unless it is in the cache already.

    It is written under another name and renamed when it is complete and its hash is right.

    Args:
        fname: its name in the cache, without folders; None for the end of the URL. With `extract`
            and no dot in it, the name of the folder to extract into.
        origin: the URL: http, https, ftp or file.
        untar: old for extract=True, archive_format="tar".
        md5_hash: old for file_hash=..., hash_algorithm="md5".
        file_hash: the hash that the file must have; None for any.
        cache_subdir: the folder below the cache's, or an absolute one.
        hash_algorithm: "md5", "sha256", or "auto", which goes by the length of the hash.
        extract: whether an archive is extracted beside the file.
        archive_format: "tar" (also compressed), "zip", a list of them, or "auto" for both.
        cache_dir: the cache's folder; None for $NNLIB_HOME, else ~/.nnlib.
        force_download: whether it is downloaded even if it is in the cache.

    Returns:
        The path of the file; with `extract` that of the folder.

    Raises:
        ArgumentError: without origin, and for arguments outside of what they may be.
        DownloadError: if it cannot be had, or has another hash.
        DataError: for an archive of another format, or one that reaches out of its folder.

    >>> import pathlib, tempfile, nnlib as nn
    >>> folder = tempfile.TemporaryDirectory()
    >>> source = pathlib.Path(folder.name, "a.txt")
    >>> _ = source.write_text("Hello!")
    >>> path = nn.utils.get_file(origin=source.as_uri(), cache_dir=folder.name)
    Downloading data from file:///.../a.txt
    ...
    >>> pathlib.Path(path).read_text()
    'Hello!'
    >>> folder.cleanup()
    """
    if origin is None:
        raise ArgumentError("get_file: expected origin, the URL of the file, got None.")
    if md5_hash is not None and file_hash is None:
        file_hash, hash_algorithm = md5_hash, "md5"
    if hash_algorithm not in ("auto", "md5", "sha256"):
        raise ArgumentError(
            "get_file: expected hash_algorithm to be 'auto', 'md5' or 'sha256', got "
            f"{hash_algorithm!r}."
        )
    home = nnlib_home() if cache_dir is None else Path(cache_dir).expanduser()
    folder = home / cache_subdir
    target, extracted = _places(folder, fname, origin, extract or untar)
    fresh = force_download or not target.exists()
    if not fresh and file_hash is not None and not has_hash(target, file_hash, hash_algorithm):
        show_line(f"{target} has another hash than {file_hash}; it is downloaded again.")
        fresh = True
    if fresh:
        _download(origin, target, file_hash, hash_algorithm)
    if extracted is None:
        return str(target)
    if fresh or not extracted.exists():
        extract_archive(target, extracted, "tar" if untar else archive_format)
    return str(extracted)


def _places(folder: Path, fname: Any, origin: str, extract: bool) -> tuple[Path, Path | None]:
    """Where the file is kept and where its content is extracted, named as in Keras."""
    name = os.fspath(fname) if fname else ""
    if os.sep in name or "/" in name:
        raise ArgumentError(
            f"get_file: expected fname without folders, got {name!r}. Name them in cache_dir and "
            "cache_subdir."
        )
    chosen = name or os.path.basename(urllib.parse.urlsplit(origin).path)
    if not chosen:
        raise ArgumentError(f"get_file: expected fname for the URL {origin!r}, which ends in none.")
    if not extract:
        return folder / chosen, None
    if name and "." in name:
        return folder / name, folder / f"{name[: name.find('.')]}_extracted"
    return folder / f"{chosen}_archive", folder / chosen


def has_hash(path: Any, expected: str, algorithm: str = "auto") -> bool:
    """Whether a file has this hash."""
    if algorithm == "auto":
        algorithm = "sha256" if len(expected) == 64 else "md5"
    with open(path, "rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest() == str(expected).lower()


def _download(origin: str, target: Path, file_hash: str | None, algorithm: str) -> None:
    show_line(f"Downloading data from {origin}")
    part: str | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, part = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        with os.fdopen(handle, "wb") as file:
            _fetch(origin, file)
        if file_hash is not None and not has_hash(part, file_hash, algorithm):
            raise _failure(origin, target, f"a file whose hash is not {file_hash}")
        os.replace(part, target)
    except DownloadError:
        raise
    except (OSError, ValueError) as error:  # urllib's errors are OSErrors, bad URLs ValueErrors
        raise _failure(origin, target, f"{type(error).__name__}: {error}") from error
    finally:
        if part is not None:
            Path(part).unlink(missing_ok=True)


def _failure(origin: str, target: Path, got: str) -> DownloadError:
    return DownloadError(
        f"get_file: expected {target.name} in {target.parent} or from {origin}, got {got}. Without "
        f"a network, put the file at {target} yourself."
    )


def _fetch(origin: str, file: BinaryIO) -> None:
    """The content of a URL into a file, with a progress bar."""
    with urllib.request.urlopen(origin, timeout=60) as response:
        length = response.headers.get("Content-Length")
        total = int(length) if length else None
        bar, done = Progbar(total, unit_name="byte"), 0
        while piece := response.read(_PIECE):
            file.write(piece)
            done += len(piece)
            bar.update(done)
    if total is None:
        bar.update(done, finalize=True)
    elif done < total:
        raise DataError(f"the connection ended after {done} of {total} bytes")
