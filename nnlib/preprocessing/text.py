"""Texts as lists of words and numbers, under the names of Keras 2.

New code is better served by `nnlib.layers.TextVectorization`, which goes into the model.
"""

import hashlib
from collections.abc import Callable
from typing import Any

from nnlib.core.errors import ArgumentError
from nnlib.preprocessing.tokenizer import Tokenizer, tokenizer_from_json
from nnlib.preprocessing.words import FILTERS, text_to_word_sequence

__all__ = [
    "Tokenizer",
    "hashing_trick",
    "one_hot",
    "text_to_word_sequence",
    "tokenizer_from_json",
]


def hashing_trick(
    text: str,
    n: int,
    hash_function: Any = None,
    filters: str = FILTERS,
    lower: bool = True,
    split: str = " ",
    analyzer: Callable[[str], list[str]] | None = None,
) -> list[int]:
    """A number from 1 to n - 1 for each word, `hash(word) % (n - 1) + 1`.

    Args:
        text: one text.
        n: the size of the space of numbers, at least 2.
        hash_function: "md5", which gives the same numbers in every process; a function from a word
            to an integer; or None for Python's `hash`, which differs from process to process.
        filters: characters that separate words.
        lower: whether words are lowercased first.
        split: what words are split at.
        analyzer: a function from the text to words, instead of the last three.

    >>> hashing_trick("The cat. The end.", 1000, "md5")
    [132, 759, 132, 979]
    """
    if not isinstance(n, int) or n < 2:
        raise ArgumentError(f"hashing_trick: expected n to be at least 2, got {n!r}.")
    function = hash if hash_function is None else hash_function
    if function == "md5":
        function = _md5
    if not callable(function):
        raise ArgumentError(
            f"hashing_trick: expected hash_function to be 'md5', a function or None, got "
            f"{hash_function!r}."
        )
    words = analyzer(text) if analyzer else text_to_word_sequence(text, filters, lower, split)
    return [function(word) % (n - 1) + 1 for word in words]


def _md5(word: str) -> int:
    return int(hashlib.md5(word.encode(), usedforsecurity=False).hexdigest(), 16)


def one_hot(
    input_text: str,
    n: int,
    filters: str = FILTERS,
    lower: bool = True,
    split: str = " ",
    analyzer: Callable[[str], list[str]] | None = None,
) -> list[int]:
    """A number from 1 to n - 1 for each word, by Python's `hash`; see `hashing_trick`.

    Args:
        input_text: one text.
        n: the size of the space of numbers, at least 2.
        filters: characters that separate words.
        lower: whether words are lowercased first.
        split: what words are split at.
        analyzer: a function from the text to words, instead of the last three.

    >>> first, second, third = one_hot("one two one", 1000)
    >>> first == third
    True
    """
    return hashing_trick(input_text, n, hash, filters, lower, split, analyzer)
