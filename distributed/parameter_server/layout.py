"""Which parameter server holds which weight, or which rows of it."""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from nnlib.core.errors import ArgumentError

from .rows import Rows

Names = tuple[str, ...]
Flat = dict[Names, Any]
"""Arrays by the names on their path."""


class Piece(NamedTuple):
    """Rows of a weight on a server; all of it if `rows` is None."""

    server: int
    rows: slice | None = None


class Layout:
    """Where the weights of one tree lie.

    Weights go to the servers in turn. A weight that is cut has its pieces on servers that follow
    each other; there are never more pieces than servers, since two pieces on one server are one.

    Args:
        weights: (shape, dtype) of each, by path.
        servers: how many there are.
        partitioner: `f(shape, dtype)` -> pieces along each axis; None to cut nothing.

    Raises:
        ArgumentError: if a weight would be cut along another axis than the first.
    """

    def __init__(
        self,
        weights: Mapping[Names, tuple[tuple[int, ...], Any]],
        servers: int,
        partitioner: Callable[..., Sequence[int]] | None = None,
    ):
        self.servers = servers
        self.shapes = {path: tuple(shape) for path, (shape, _) in weights.items()}
        self.item_sizes = {path: np.dtype(dtype).itemsize for path, (_, dtype) in weights.items()}
        self.pieces: dict[Names, list[Piece]] = {}
        turn = 0
        for path, (shape, dtype) in weights.items():
            count = _pieces("/".join(path), partitioner, shape, dtype, servers)
            if count == 1:
                self.pieces[path] = [Piece(turn % servers)]
            else:
                ends = np.cumsum([len(part) for part in np.array_split(np.arange(shape[0]), count)])
                self.pieces[path] = [
                    Piece((turn + index) % servers, slice(int(end - size), int(end)))
                    for index, (end, size) in enumerate(
                        zip(ends, np.diff(ends, prepend=0), strict=True)
                    )
                ]
            turn += count

    @property
    def cut(self) -> list[Names]:
        """The paths of the weights that are cut."""
        return [path for path, pieces in self.pieces.items() if len(pieces) > 1]

    def split(self, flat: Flat) -> list[Flat]:
        """What each server gets of weights, or of their gradients, by the paths of weights."""
        return self._split(flat, {path: path for path in flat})

    def split_slots(self, flat: Flat) -> list[Flat]:
        """What each server gets of the state of an optimizer.

        An array belongs to the weight of the end of its path if it is in a tree like that of all
        weights, as slots are; what belongs to no weight goes to all.
        """
        return self._split(flat, self._owners(flat))

    def _split(self, flat: Flat, owners: Mapping[Names, Names]) -> list[Flat]:
        parts: list[Flat] = [{} for _ in range(self.servers)]
        for path, array in flat.items():
            owner = owners.get(path)
            if owner is None:
                for part in parts:
                    part[path] = array
                continue
            for piece in self.pieces[owner]:
                parts[piece.server][path] = _part(array, piece.rows, self.shapes[owner])
        return parts

    def join(self, parts: Sequence[Flat]) -> Flat:
        """The arrays that `split` cut."""
        return self._join(parts, {path: path for part in parts for path in part})

    def join_slots(self, parts: Sequence[Flat]) -> Flat:
        """The arrays that `split_slots` cut; what every server has is that of the first."""
        return self._join(parts, self._owners({path for part in parts for path in part}))

    def _join(self, parts: Sequence[Flat], owners: Mapping[Names, Names]) -> Flat:
        whole: Flat = {}
        for path in dict.fromkeys(path for part in parts for path in part):
            pieces = self.pieces[owners[path]] if path in owners else []
            found = [(p, parts[p.server][path]) for p in pieces if path in parts[p.server]]
            if len(found) > 1 and all(_is_piece(array, piece) for piece, array in found):
                whole[path] = np.concatenate([array for _, array in found])
            else:
                whole[path] = next(part[path] for part in parts if path in part)
        return whole

    def join_rows(self, path: Names, parts: Sequence[Flat]) -> Any:
        """Rows of a weight which `split` cut, in the order of their numbers."""
        return np.concatenate([parts[piece.server][path] for piece in self.pieces[path]])

    def _owners(self, paths: Collection[Names]) -> dict[Names, Names]:
        """The path of the weight that a slot belongs to, by the path of the slot."""
        owners: dict[Names, Names] = {}
        known, first = set(paths), next(iter(self.shapes), ())
        for path in known:
            prefix = path[: len(path) - len(first)]
            whole = prefix or known == self.shapes.keys()  # else a number with the name of a weight
            if whole and path == (*prefix, *first):
                slots = {(*prefix, *name): name for name in self.shapes}
                owners |= slots if slots.keys() <= known else {}
        return owners

    def sizes(self, wanted: Sequence[Mapping[Names, Any]]) -> list[int]:
        """How many bytes each server sends.

        Args:
            wanted: of each server the ids of rows by path; other weights are sent whole.
        """
        total = [0] * self.servers
        for path, pieces in self.pieces.items():
            rows, *row = self.shapes[path] or (1,)
            for server, part in pieces:
                if path in wanted[server]:
                    count = len(wanted[server][path])
                else:
                    count = rows if part is None else part.stop - part.start
                total[server] += count * math.prod(row) * self.item_sizes[path]
        return total


def _part(array: Any, rows: slice | None, shape: tuple[int, ...]) -> Any:
    if rows is not None and isinstance(array, Rows):
        return array.within(rows)
    # Nadam has a number for each weight: all pieces need it.
    return array if rows is None or np.shape(array) != shape else array[rows]


def _is_piece(array: Any, piece: Piece) -> bool:
    rows = piece.rows
    return rows is not None and np.shape(array)[:1] == (rows.stop - rows.start,)


def flat(tree: Any) -> Flat:
    """The leaves of a tree as NumPy arrays or Rows, by the names on their path."""
    leaves, _ = jax.tree.flatten_with_path(tree, is_leaf=lambda a: isinstance(a, Rows))
    return {
        names_of(path): leaf if isinstance(leaf, Rows) else np.asarray(leaf)
        for path, leaf in leaves
    }


def refilled(tree: Any, arrays: Flat) -> Any:
    """The tree with other leaves, those of `flat`."""
    leaves, structure = jax.tree.flatten_with_path(tree)
    return jax.tree.unflatten(structure, [arrays[names_of(path)] for path, _ in leaves])


def names_of(path: Sequence[Any]) -> Names:
    """The names on a path of JAX."""
    parts = (getattr(p, "key", getattr(p, "name", getattr(p, "idx", p))) for p in path)
    return tuple(str(part) for part in parts)


def _pieces(
    path: str,
    partitioner: Callable[..., Sequence[int]] | None,
    shape: tuple[int, ...],
    dtype: Any,
    servers: int,
) -> int:
    if partitioner is None or not shape:
        return 1
    counts = list(partitioner(shape=shape, dtype=dtype))
    if len(counts) != len(shape) or any(count != 1 for count in counts[1:]):
        raise ArgumentError(
            f"variable_partitioner: expected pieces along the first axis alone, got {counts} for "
            f"{path} of shape {tuple(shape)}. Cut with axis=0."
        )
    return max(1, min(int(counts[0]), servers, int(shape[0])))
