"""Which terms occur in some texts, how often, and in how many of them."""

from collections import Counter
from typing import Any

import numpy as np


class TermCounter:
    """Counts of terms over documents."""

    def __init__(self) -> None:
        self.terms: Counter[Any] = Counter()
        self.documents: Counter[Any] = Counter()
        self.document_count = 0

    def add(self, rows: list[list[Any]]) -> None:
        """One list of terms for each document."""
        for row in rows:
            self.terms.update(row)
            self.documents.update(set(row))
        self.document_count += len(rows)

    def most_frequent(self, limit: int | None, without: tuple[Any, ...]) -> list[Any]:
        """Terms by falling count, ties by falling term; at most `limit`, none of `without`."""
        found = [term for term in self.terms if term not in without]
        return sorted(found, key=lambda term: (self.terms[term], term), reverse=True)[:limit]

    def inverse_document_frequency(self, terms: list[Any]) -> np.ndarray:
        """`log(1 + documents / (1 + documents with the term))` for each term."""
        counts = np.array([self.documents[term] for term in terms], np.float64)
        return np.log(1 + self.document_count / (1 + counts)).astype(np.float32)
