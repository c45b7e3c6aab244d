"""Elements kept from the first pass: in memory, or in a file that other processes can use."""

import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from nnlib.core.errors import DataError
from nnlib.data.node import Node, Pass, Through
from nnlib.data.structure import is_namedtuple, leaves, map_structure


class MemoryCache(Through):
    """The elements of the first complete pass, in every pass."""

    def __init__(self, parent: Node):
        super().__init__(parent)
        self._kept: list[Any] | None = None

    def iterate(self, run: Pass) -> Iterator[Any]:
        """The kept elements; keeps them where none are."""
        if self._kept is not None:
            return map(_copies, self._kept)
        return self._keep(run)

    def _keep(self, run: Pass) -> Iterator[Any]:
        kept = []
        for element in self.parent.iterate(run):
            kept.append(element)
            yield _copies(element)
        self._kept = kept  # only here: a walk that ended early is not all there is


def _copies(element: Any) -> Any:
    """Arrays that the user may write to; immutable ones as they are."""
    return map_structure(lambda a: a.copy() if isinstance(a, np.ndarray) else a, element)


class FileCache(Through):
    """The elements of the first complete pass in a file.

    The file is written beside its final place and moved there when it is complete. It holds plain
    arrays in numpy's format, nothing that could run.
    """

    def __init__(self, parent: Node, path: str):
        super().__init__(parent)
        self.path = Path(path)

    def iterate(self, run: Pass) -> Iterator[Any]:
        """From the file, if it is there."""
        return self._read() if self.path.exists() else self._write(run)

    def _read(self) -> Iterator[Any]:
        with self.path.open("rb") as file:
            while header := file.readline():
                yield _load(json.loads(header), file)

    def _write(self, run: Pass) -> Iterator[Any]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{self.path.name}.", dir=self.path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                for element in self.parent.iterate(run):
                    _save(element, file)
                    yield element
            os.replace(name, self.path)
        finally:
            Path(name).unlink(missing_ok=True)


def _save(element: Any, file: BinaryIO) -> None:
    """A line with the structure, then each leaf as numpy writes it."""
    file.write(json.dumps(_outline(element)).encode() + b"\n")
    for leaf in leaves(element):
        if leaf is None:
            continue
        array = np.frombuffer(leaf, np.uint8) if isinstance(leaf, bytes) else np.asarray(leaf)
        if array.dtype == object or array.dtype.kind == "S":
            raise DataError(
                f"cache: expected arrays of numbers or strings for a file, got {leaf!r:.80}. "
                "Cache in memory with cache(), or decode the bytes first."
            )
        np.lib.format.write_array(file, array, allow_pickle=False)


def _outline(element: Any) -> Any:
    if is_namedtuple(element):
        raise DataError(
            f"cache: expected tuples and dicts for a file, got {type(element).__name__}. Cache in "
            "memory with cache(), or map to a plain tuple."
        )
    if isinstance(element, tuple):
        return [_outline(part) for part in element]
    if isinstance(element, dict):
        if not all(isinstance(key, str) for key in element):
            raise DataError(f"cache: expected dicts with strings as keys, got {list(element)}.")
        return {key: _outline(part) for key, part in element.items()}
    if element is None:
        return "none"
    return "bytes" if isinstance(element, bytes) else "array"


def _load(outline: Any, file: BinaryIO) -> Any:
    if isinstance(outline, list):
        return tuple(_load(part, file) for part in outline)
    if isinstance(outline, dict):
        return {key: _load(part, file) for key, part in outline.items()}
    if outline == "none":
        return None
    array = np.lib.format.read_array(file, allow_pickle=False)[()]
    return array.tobytes() if outline == "bytes" else array
