"""Texts to lists of terms: standardise, split, join neighbours."""

import re
import string
from collections.abc import Callable
from typing import Any

import numpy as np

from nnlib.core.errors import DataError
from nnlib.layers.preprocessing.host_values import host_array, strings_only

# ASCII alone, as TensorFlow's string functions have it.
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_STRIP = str.maketrans("", "", string.punctuation)
_TABLES = {
    "lower": _LOWER,
    "strip_punctuation": _STRIP,
    "lower_and_strip_punctuation": _LOWER | _STRIP,
}
_WORD = re.compile(r"[^ \t\n\v\f\r]+")
_SPLITTERS: dict[str, Callable[[str], list[str]]] = {
    "whitespace": _WORD.findall,
    "character": list,
}


def standardized(texts: np.ndarray, how: Any, place: str) -> np.ndarray:
    """Texts in lower case, without punctuation, or as a function of the user makes them."""
    if how is None:
        return texts
    if callable(how):
        out = strings_only(host_array(how(texts.astype(str)), place), place)
        if out.shape != texts.shape:
            raise DataError(
                f"{place}: expected standardize to keep the shape {texts.shape}, got {out.shape}."
            )
        return out
    changed = [text.translate(_TABLES[how]) for text in texts.ravel().tolist()]
    return np.array([*changed, None], object)[:-1].reshape(texts.shape)


def split_texts(texts: np.ndarray, how: Any, place: str) -> list[list[str]]:
    """The terms of each of (n,) texts."""
    if not callable(how):
        return [_SPLITTERS[how](text) for text in texts.tolist()]
    rows = [[str(term) for term in row] for row in how(texts.astype(str))]
    if len(rows) != len(texts):
        raise DataError(
            f"{place}: expected split to return terms for each of {len(texts)} texts, got "
            f"{len(rows)} lists."
        )
    return rows


def joined_neighbours(terms: list[str], sizes: tuple[int, ...]) -> list[str]:
    """All runs of so many terms, joined by spaces, those of the first size first.

    >>> joined_neighbours(["a", "b", "c"], (1, 2))
    ['a', 'b', 'c', 'a b', 'b c']
    """
    return [
        " ".join(terms[start : start + size])
        for size in sizes
        for start in range(len(terms) - size + 1)
    ]


def padded(rows: list[np.ndarray], length: int | None, value: int) -> np.ndarray:
    """Rows in one table, cut to `length` or as long as the longest, `value` behind their ends."""
    width = max((len(row) for row in rows), default=0) if length is None else length
    table = np.full((len(rows), width), value, np.int64)
    for target, row in zip(table, rows, strict=True):
        cut = row[:width]
        target[: len(cut)] = cut
    return table
