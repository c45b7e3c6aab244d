"""Texts as lists of word numbers, which IMDB and Reuters share."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from nnlib.core.errors import ArgumentError


@dataclass(frozen=True)
class Words:
    """How word numbers are changed. Words are numbered by how often they occur.

    Args:
        num_words: words from this number on count as unknown; None for none.
        skip_top: words below this number count as unknown.
        maxlen: texts that are not shorter are left out, the start counted; None for none.
        start_char: put before each text; None for nothing.
        oov_char: put in place of unknown words; None to leave them out.
        index_from: added to all word numbers, to make room for those two.
    """

    num_words: int | None
    skip_top: int
    maxlen: int | None
    start_char: int | None
    oov_char: int | None
    index_from: int | None

    def begin(self, texts: Any) -> list[list[int]]:
        """Texts with their start, and word numbers moved up."""
        start = [] if self.start_char is None else [self.start_char]
        return [[*start, *(word + (self.index_from or 0) for word in text)] for text in texts]

    def drop_long(self, place: str, texts: list[list[int]], labels: Any) -> Any:
        """(texts, labels) of the texts that are short enough."""
        if not self.maxlen:
            return texts, labels
        kept = [i for i, text in enumerate(texts) if len(text) < self.maxlen]
        if not kept:
            raise ArgumentError(
                f"{place}: expected maxlen above the shortest text, got {self.maxlen}, which "
                "leaves none."
            )
        return [texts[i] for i in kept], np.asarray(labels)[kept]

    def limit(self, texts: list[list[int]]) -> list[list[int]]:
        """Texts with unknown words replaced or left out.

        Without `num_words` the highest number of all counts as unknown, as it does in Keras.
        """
        top = self.num_words or max(max(text) for text in texts if text)
        if self.oov_char is None:
            return [[w for w in text if self.skip_top <= w < top] for text in texts]
        return [[w if self.skip_top <= w < top else self.oov_char for w in text] for text in texts]


def objects(texts: list[list[int]]) -> np.ndarray:
    """An array of lists, one to a text, also where all are of one length."""
    array = np.empty(len(texts), object)
    array[:] = texts
    return array
