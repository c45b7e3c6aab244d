"""Buckets of strings and integers on the host, many at a time."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from nnlib.ops import farmhash

_CLASSES: list[tuple[int, Callable[[Any], Any]]] = [
    (0, farmhash.fingerprint_0),
    (3, farmhash.fingerprint_1_to_3),
    (7, farmhash.fingerprint_4_to_7),
    (16, farmhash.fingerprint_8_to_16),
    (32, farmhash.fingerprint_17_to_32),
    (64, farmhash.fingerprint_33_to_64),
]


class _Bytes:
    """Byte strings of about one length, as a `farmhash.Text`."""

    def __init__(self, strings: np.ndarray, sizes: np.ndarray):
        width = int(sizes.max()) + 16  # zeros behind the end, for words that reach beyond it
        table = np.array(strings.tolist(), f"S{width}")
        self._table = table.view(np.uint8).reshape(len(strings), width)
        self._sizes = sizes
        self._rows = np.arange(len(sizes))[:, None]
        self.length = sizes.astype(np.uint64)

    def front(self, offset: int, size: int = 8) -> np.ndarray:
        return self._word(np.full_like(self._sizes, offset), size)

    def back(self, offset: int, size: int = 8) -> np.ndarray:
        return self._word(self._sizes - offset, size)

    def middle(self) -> np.ndarray:
        return self._word(self._sizes // 2, 1)

    def _word(self, offset: np.ndarray, size: int) -> np.ndarray:
        word = np.zeros((len(offset), 8), np.uint8)
        word[:, :size] = self._table[self._rows, offset[:, None] + np.arange(size)]
        return word.view("<u8")[:, 0]


def _groups(labels: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """(label, indices) of every label there is."""
    for label in np.unique(labels):
        yield int(label), np.flatnonzero(labels == label)


def fingerprints(strings: np.ndarray) -> np.ndarray:
    """FarmHash's 64-bit fingerprints of (n,) bytes objects, as uint64."""
    sizes = np.fromiter(map(len, strings), np.int64, len(strings))
    limits = np.array([limit for limit, _ in _CLASSES])
    classes = np.searchsorted(limits, sizes)
    long = sizes > limits[-1]
    classes[long] = len(limits) - 1 + (sizes[long] - 1) // 64
    out = np.empty(len(strings), np.uint64)
    for kind, chosen in _groups(classes):
        text = _Bytes(strings[chosen], sizes[chosen])
        if kind < len(_CLASSES):
            out[chosen] = _CLASSES[kind][1](text)
        else:
            out[chosen] = farmhash.fingerprint_long(text, kind - len(_CLASSES) + 1)
    return out


def keyed_hashes(strings: np.ndarray, key: tuple[int, int]) -> np.ndarray:
    """SipHash-2-4 of (n,) bytes objects, as uint64."""
    sizes = np.fromiter(map(len, strings), np.int64, len(strings))
    out = np.empty(len(strings), np.uint64)
    for words, chosen in _groups(sizes // 8):
        out[chosen] = farmhash.siphash(_Bytes(strings[chosen], sizes[chosen]), key, words)
    return out


def as_bytes(values: np.ndarray, encoding: str = "utf-8") -> np.ndarray:
    """(n,) bytes objects of strings, or of the decimal digits of integers."""
    texts = values.astype(str) if values.dtype.kind in "iu" else values
    return np.array([*(text.encode(encoding) for text in texts.ravel().tolist()), None], object)[
        :-1
    ]


def buckets(values: np.ndarray, count: int, key: tuple[int, int] | None = None) -> np.ndarray:
    """`hash(value) % count` of strings or integers: FarmHash, or SipHash with a key; int64."""
    strings = as_bytes(values)
    words = fingerprints(strings) if key is None else keyed_hashes(strings, key)
    return (words % np.uint64(count)).astype(np.int64).reshape(values.shape)


def crossed_buckets(features: list[np.ndarray], count: int) -> np.ndarray:
    """The bucket of each tuple of strings and integers; int64."""
    hashes = [_as_words(feature) for feature in features]
    words = farmhash.crossed(hashes) % np.uint64(count)
    return words.astype(np.int64).reshape(features[0].shape)


def _as_words(values: np.ndarray) -> np.ndarray:
    """Strings by their fingerprints, integers as they are."""
    if values.dtype.kind in "iu":
        return values.ravel().astype(np.int64).view(np.uint64)
    return fingerprints(as_bytes(values))
