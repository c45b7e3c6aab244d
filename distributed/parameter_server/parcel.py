"""Parcels: what goes along with a call of Ray, in pieces that need no object store.

Ray sends arguments and results below 100 KB along with the call. Larger ones go through its object
store, which costs a call several times as much as a few hundred KB are worth.
"""

import pickle
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from .engine import dumped

PIECE_BYTES = 90_000
MOST_BYTES = 4 * 2**20
"""What is larger is better off in the object store."""


def piece_count(size: int) -> int:
    """In how many pieces so many bytes of arrays travel."""
    return 1 if size > MOST_BYTES else 1 + size // PIECE_BYTES


def cut(thing: Any, pieces: int) -> Sequence[Any]:
    """The thing pickled, in so many pieces; as it is, in one, if its arrays are large."""
    if pieces == 1 and _bytes_of(thing) > MOST_BYTES:
        return [thing]
    data = dumped(thing)
    size = -(-len(data) // pieces)
    return [data[size * index : size * (index + 1)] for index in range(pieces)]


def packed(thing: Any) -> Sequence[Any]:
    """The arguments of a call that the thing travels in."""
    return cut(thing, piece_count(_bytes_of(thing)))


def joined(parts: Sequence[Any]) -> Any:
    """What was packed or cut."""
    if len(parts) == 1 and not isinstance(parts[0], bytes):
        return parts[0]
    return pickle.loads(b"".join(parts))


def _bytes_of(thing: Any) -> int:
    return sum(leaf.nbytes for leaf in jax.tree.leaves(thing) if isinstance(leaf, np.ndarray))
