"""Files that are kept in nnlib's cache or in Keras', and downloaded where they are in neither."""

import os
from dataclasses import dataclass
from pathlib import Path

from nnlib.core.errors import DownloadError
from nnlib.utils.get_file import get_file, has_hash, nnlib_home


@dataclass(frozen=True)
class RemoteFile:
    """The address of a file and the hash it must have (None for any)."""

    origin: str
    file_hash: str | None
    extract: bool = False


def keras_home() -> Path:
    """The folder of Keras' cache: $KERAS_HOME, else ~/.keras."""
    return Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")


def cached_file(place: str, name: str, remote: RemoteFile, folder: str) -> Path:
    """The path of a file: of our cache, else of Keras' cache, else downloaded into ours.

    Args:
        place: who asks, for errors.
        name: of the file in the cache.
        remote: where it comes from.
        folder: its folder within the caches.

    Raises:
        DownloadError: if it is nowhere, or has another hash; the text says where it was looked
            for and which file to put where.
    """
    wrong = []
    for home in (nnlib_home(), keras_home()):
        found = home / folder / name
        if found.exists():
            if remote.extract or remote.file_hash is None or has_hash(found, remote.file_hash):
                return found
            wrong.append(str(found))
    try:
        return Path(
            get_file(
                name,
                remote.origin,
                cache_subdir=folder,
                file_hash=remote.file_hash,
                extract=remote.extract,
            )
        )
    except DownloadError as error:
        ours, theirs = (home / folder for home in (nnlib_home(), keras_home()))
        kind = "" if remote.file_hash is None else f" ({_kind(remote.file_hash)})"
        other = f"another hash in {' and '.join(wrong)}" if wrong else "neither"
        raise DownloadError(
            f"{place}: expected {name}{kind} in {ours} or {theirs}, or a network to load it from "
            f"{remote.origin}, got {other} ({error.__cause__ or error}). Where there is no "
            f"network, copy it to {ours / name}."
        ) from error


def _kind(file_hash: str) -> str:
    return f"{'sha256' if len(file_hash) == 64 else 'md5'} {file_hash}"
