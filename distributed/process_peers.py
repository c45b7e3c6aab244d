"""What the processes of one mesh agree on, over the mesh itself."""

import hashlib
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax
import numpy as np

from nnlib.core.compat import broadcast, gather_from_all
from nnlib.core.errors import DataError
from nnlib.training.peers import Peers

from .errors import StrategyError

CHUNK = 2**24
"""Bytes that are sent at once."""


class ProcessPeers(Peers):
    """All processes that `jax.distributed` connects."""

    def __init__(self) -> None:
        self.count = jax.process_count()
        self.chief = jax.process_index() == 0

    def from_first(self, make: Callable[[], Any]) -> Any:
        """See `Peers`; values go as bytes and come from the first process alone."""
        return self.from_one(0, make)

    def from_one(self, index: int, make: Callable[[], Any]) -> Any:
        """What `make` returns on one process, on each; what it raises there, likewise."""
        source, content = jax.process_index() == index, b""
        if source:
            try:
                content = pickle.dumps((True, make()))
            except Exception as error:
                content = _as_bytes(error)
        good, value = pickle.loads(_sent(content, source))
        if not good:
            raise value
        return value

    def common(self, arrays: list[Any]) -> list[Any]:
        """See `Peers`; only what differs is sent."""
        same_shapes, same_values = self._compared(arrays)
        if not same_shapes:
            raise StrategyError(
                "fit: expected the same model and optimizer on every process, got arrays of other "
                "shapes on some. Run one program everywhere."
            )
        if same_values:
            return arrays
        return self.from_first(lambda: [np.asarray(array) for array in arrays])

    def check_same(self, tree: Any, place: str) -> None:
        """See `Peers`; what the processes made together is the same already."""
        if not all(self._compared([a for a in jax.tree.leaves(tree) if is_own(a)])):
            raise DataError(
                f"{place}: expected the same data on every process, of which each takes its rows, "
                "got different data on some. Seed what draws or shuffles it; processes that read "
                "files of their own use strategy.distribute_datasets_from_function."
            )

    def meet(self) -> None:
        """See `Peers`."""
        gather_from_all(np.zeros(1, np.int32))

    def _compared(self, arrays: list[Any]) -> tuple[bool, bool]:
        """Whether shapes, and whether values are those of the first process everywhere."""
        host = [np.asarray(array) for array in arrays]
        shapes = repr([(array.shape, str(array.dtype)) for array in host]).encode()
        digests = _digest(shapes) + digest_of(host)
        gathered = np.asarray(gather_from_all(np.frombuffer(digests, np.uint8)))
        same = (gathered == gathered[:1]).reshape(self.count, 2, -1).all((0, 2))
        return bool(same[0]), bool(same[1])


def is_own(array: Any) -> bool:
    """Whether a process has an array for itself alone."""
    return not isinstance(array, jax.Array) or array.is_fully_addressable


def digest_of(arrays: list[np.ndarray]) -> bytes:
    """Of the bytes of all arrays, by all cores: it may be about gigabytes."""
    flat = [np.ascontiguousarray(array).reshape(-1).view(np.uint8) for array in arrays]
    pieces = [raw[at : at + CHUNK].data for raw in flat for at in range(0, raw.size, CHUNK)]
    with ThreadPoolExecutor() as threads:
        return _digest(b"".join(threads.map(_digest, pieces)))


def _digest(piece: Any) -> bytes:
    return hashlib.sha256(piece).digest()


def _as_bytes(error: Exception) -> bytes:
    """An error for the other processes, which wait for it; in words where it cannot be sent."""
    try:
        content = pickle.dumps((False, error))
        pickle.loads(content)
    except Exception:
        content = pickle.dumps((False, StrategyError(f"{type(error).__name__}: {error}")))
    return content


def _sent(content: bytes, source: bool) -> bytes:
    """The bytes of the process that is the source, on each."""
    length = np.array(divmod(len(content), CHUNK), np.int32)
    full, rest = (int(n) for n in broadcast(length, source))
    sizes = [CHUNK] * full + [rest] * (rest > 0)
    parts = []
    for number, size in enumerate(sizes):
        start = number * CHUNK
        own = content[start : start + size] if source else bytes(size)
        parts.append(np.asarray(broadcast(np.frombuffer(own, np.uint8), source)).tobytes())
    return b"".join(parts)
