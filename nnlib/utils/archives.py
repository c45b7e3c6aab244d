"""Archives, extracted whole or not at all."""

import os
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from nnlib.core.errors import ArgumentError, DataError


def extract_archive(archive: Path, folder: Path, formats: str | Sequence[str] | None) -> None:
    """Extract an archive into a folder, which appears when it is complete.

    Args:
        archive: the file.
        folder: where to; what is there already stays, files of the same name are replaced.
        formats: "tar", "zip", a list of them, or "auto" for both.

    Raises:
        ArgumentError: for other formats.
        DataError: if the file has none of them, or members outside of its folder.
    """
    if isinstance(formats, str):
        formats = ("tar", "zip") if formats == "auto" else (formats,)
    names = tuple(formats or ())
    if unknown := set(names) - {"tar", "zip"}:
        raise ArgumentError(
            f"get_file: expected archive_format to be 'auto', 'tar' or 'zip', got {unknown}."
        )
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as made:
        unpacked = Path(made) / "content"
        unpacked.mkdir()
        _unpack(archive, unpacked, names)
        if folder.exists():
            shutil.copytree(unpacked, folder, dirs_exist_ok=True)
        else:
            os.replace(unpacked, folder)


def _unpack(archive: Path, folder: Path, names: Sequence[str]) -> None:
    try:
        if "tar" in names and tarfile.is_tarfile(archive):
            with tarfile.open(archive) as tar:
                tar.extractall(folder, filter="data")
        elif "zip" in names and zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as packed:
                _refuse_outsiders(packed, folder)
                packed.extractall(folder)
        else:
            kinds = " or ".join(names) or "known"
            raise DataError(f"get_file: expected an archive of {kinds} format, got {archive}.")
    except (tarfile.TarError, zipfile.BadZipFile) as error:
        raise DataError(f"get_file: expected a sound archive, got {archive}: {error}") from error


def _refuse_outsiders(packed: zipfile.ZipFile, folder: Path) -> None:
    """Python would put members such as ../x inside; tar's filter refuses them, and so do we."""
    root = folder.resolve()
    for name in packed.namelist():
        if not (root / name).resolve().is_relative_to(root):
            raise DataError(f"get_file: expected members inside the archive, got {name!r}.")
