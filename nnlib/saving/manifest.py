"""The manifest of a saved model: what lies in the folder, and how to call it."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from nnlib.core.errors import CorruptFileError, SavingError
from nnlib.core.specs import ShapeSpec

NAME = "manifest.json"
FORMAT = "nnlib saved model"
VERSION = 1
_LARGEST = 16 << 20  # bytes of a manifest; far more than any has


@dataclass(frozen=True)
class Entry:
    """How one signature is called.

    Args:
        inputs: shapes and dtypes by name.
        outputs: likewise.
        program: the file that holds it; None where strings go in, which only the model takes.
    """

    inputs: dict[str, ShapeSpec]
    outputs: dict[str, ShapeSpec]
    program: str | None


@dataclass(frozen=True)
class Manifest:
    """The signatures of a folder, and the sizes and sums of its files."""

    signatures: dict[str, Entry]
    platforms: tuple[str, ...]
    files: dict[str, dict[str, Any]]

    def write(self, folder: Path, versions: dict[str, str]) -> None:
        """Write it into the folder, behind all other files."""
        described = {
            "format": FORMAT,
            "version": VERSION,
            "made_with": versions,
            "platforms": list(self.platforms),
            "signatures": {name: _described(one) for name, one in self.signatures.items()},
            "files": self.files,
        }
        (folder / NAME).write_text(json.dumps(described, indent=2) + "\n", encoding="utf-8")

    def checked(self, folder: Path, name: str) -> Path:
        """The path of a file, once its size and sum are those that were written.

        Raises:
            CorruptFileError: if they are not, or the file is not there.
        """
        path, known = folder / name, self.files.get(name)
        if known is None or not path.is_file() or path.is_symlink():
            raise CorruptFileError(f"{folder}: expected the file {name}, got none.")
        if path.stat().st_size != known["size"] or sum_of(path) != known["sha256"]:
            raise CorruptFileError(
                f"{path}: expected the {known['size']} bytes that were saved, got others. Take it "
                "from a backup."
            )
        return path


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a folder.

    Raises:
        SavingError: if there is none.
        CorruptFileError: if it is damaged, of a newer version, or names files elsewhere.
    """
    path = folder / NAME
    if not path.is_file():
        raise SavingError(f"{folder}: expected a saved model with a {NAME}, got none.")
    try:
        if path.stat().st_size > _LARGEST:
            raise ValueError("it is too large")
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["format"] != FORMAT or not isinstance(found["version"], int):
            raise ValueError("it is of another format")
        if found["version"] > VERSION:
            raise ValueError(f"it is of version {found['version']}, and this nnlib reads {VERSION}")
        files = {_within(name): _known(entry) for name, entry in found["files"].items()}
        signatures = {str(name): _entry(one) for name, one in found["signatures"].items()}
        return Manifest(signatures, tuple(map(str, found["platforms"])), files)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise CorruptFileError(
            f"{path}: expected the manifest of a saved model, got one that cannot be read: {error}."
        ) from error


def describe_files(folder: Path) -> dict[str, dict[str, Any]]:
    """Size and sum of every file below the folder, by its path in there."""
    return {
        path.relative_to(folder).as_posix(): {"size": path.stat().st_size, "sha256": sum_of(path)}
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def sum_of(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _described(entry: Entry) -> dict[str, Any]:
    return {
        "program": entry.program,
        "inputs": {name: _plain(spec) for name, spec in entry.inputs.items()},
        "outputs": {name: _plain(spec) for name, spec in entry.outputs.items()},
    }


def _plain(spec: ShapeSpec) -> dict[str, Any]:
    dtype = "string" if spec.dtype.kind in "OUS" or spec.dtype.name.startswith("str") else ""
    return {"shape": list(spec.shape), "dtype": dtype or spec.dtype.name}


def _entry(found: dict[str, Any]) -> Entry:
    inputs, outputs = (
        {str(name): _spec(one) for name, one in found[part].items()}
        for part in ("inputs", "outputs")
    )
    program = found["program"]
    return Entry(inputs, outputs, None if program is None else _within(program))


def _spec(found: dict[str, Any]) -> ShapeSpec:
    shape = found["shape"]
    if not all(size is None or (type(size) is int and size >= 0) for size in shape):
        raise ValueError(f"it has the shape {shape}")
    return ShapeSpec(tuple(shape), found["dtype"])


def _known(entry: dict[str, Any]) -> dict[str, Any]:
    return {"size": int(entry["size"]), "sha256": str(entry["sha256"])}


def _within(name: Any) -> str:
    """A path that stays in the folder."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name or not path.parts:
        raise ValueError(f"it names the file {name!r}")
    return str(path)
