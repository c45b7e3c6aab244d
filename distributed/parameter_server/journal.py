"""What a parameter server writes down, so that its next process knows all that it had confirmed."""

import os
import pickle
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

COMPACT_BYTES = 64 * 2**20
"""A journal of at least this size, and of four snapshots, is replaced by a new snapshot."""


class Journal:
    """A snapshot, and the entries since then, in a folder of its own.

    An entry is with the operating system before `append` returns: it survives the death of the
    process. It survives that of the machine if the folder does.

    Args:
        folder: made where it is not there. Nobody else may write to it: it holds pickles.
    """

    def __init__(self, folder: str | os.PathLike[str]):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        found = [int(path.stem.split("-")[1]) for path in self.folder.glob("snapshot-*.pickle")]
        self._number = max(found, default=0)
        self._snapshot_bytes = 0

    def read(self) -> tuple[Any, Iterator[Any]] | None:
        """The last snapshot and the entries behind it; None in a new folder."""
        path = self._path("snapshot")
        if not path.exists():
            return None
        with path.open("rb") as file:
            return pickle.load(file), self._entries()

    def _entries(self) -> Iterator[Any]:
        path = self._path("entries")
        if not path.exists():
            return
        with path.open("r+b") as file:
            while True:
                whole = file.tell()
                try:
                    entry = pickle.load(file)
                except (EOFError, pickle.UnpicklingError):
                    file.truncate(whole)  # the process died in writing it: never confirmed
                    return
                yield entry

    def snapshot(self, state: Any) -> None:
        """Begin anew with this state."""
        old = [self._path("snapshot"), self._path("entries")]
        self._number += 1
        path, partial = self._path("snapshot"), self.folder / "partial"
        with partial.open("wb") as file:
            pickle.dump(state, file, protocol=5)
        self._snapshot_bytes = partial.stat().st_size
        partial.replace(path)
        for leftover in old:
            leftover.unlink(missing_ok=True)

    def append(self, entry: Any) -> bool:
        """Write an entry down; whether it is time for a new snapshot."""
        with self._path("entries").open("ab") as file:
            pickle.dump(entry, file, protocol=5)
            return file.tell() > max(COMPACT_BYTES, 4 * self._snapshot_bytes)

    def remove(self) -> None:
        """Remove the folder; nothing can be written down any more."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, kind: str) -> Path:
        return self.folder / f"{kind}-{self._number}.pickle"
