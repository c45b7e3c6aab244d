"""Tokenizer: words to numbers, as Keras 2 has it."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from nnlib.core.errors import ArgumentError
from nnlib.preprocessing.words import FILTERS, text_to_word_sequence

_MODES = ("binary", "count", "freq", "tfidf")
_TABLES = ("word_counts", "word_docs", "index_docs", "index_word", "word_index")


class Tokenizer:
    """Numbers for words, the most frequent first, from 1 on; 0 is for padding.

    Args:
        num_words: only numbers below it are given out; None for all.
        filters: characters that separate words.
        lower: whether words are lowercased.
        split: what words are split at.
        char_level: whether every character is a word.
        oov_token: stands for words that are not known, with the number 1; None leaves them out.
        analyzer: a function from a text to words, instead of filters, lower and split.
        document_count: how many texts it has seen, to go on from.

    A text is a string, or a list of words.

    Attributes:
        word_index: the number of each word.
        index_word: the word of each number.
        word_counts: how often each word occurred.
        word_docs: in how many texts it did.
        index_docs: likewise, by number.

    >>> tokenizer = Tokenizer(oov_token="?")
    >>> tokenizer.fit_on_texts(["the cat sat", "the dog"])
    >>> tokenizer.texts_to_sequences(["The dog sat.", "a cat"])
    [[2, 5, 4], [1, 3]]
    """

    def __init__(
        self,
        num_words: int | None = None,
        filters: str = FILTERS,
        lower: bool = True,
        split: str = " ",
        char_level: bool = False,
        oov_token: str | None = None,
        analyzer: Callable[[str], list[str]] | None = None,
        document_count: int = 0,
    ):
        self.num_words, self.oov_token = num_words, oov_token
        self.filters, self.lower, self.split = filters, lower, split
        self.char_level, self.analyzer = char_level, analyzer
        self.document_count = document_count
        self.word_counts: dict[str, int] = {}
        self.word_docs: dict[str, int] = {}
        self.index_docs: dict[int, int] = {}
        self.word_index: dict[str, int] = {}
        self.index_word: dict[int, str] = {}

    # Counting ----------------------------------------------------------------------------------

    def fit_on_texts(self, texts: Iterable[Any]) -> None:
        """Count words, and number them anew."""
        counts, documents = Counter(self.word_counts), Counter(self.word_docs)
        for text in texts:
            words = self._words(text)
            counts.update(words)
            documents.update(set(words))
            self.document_count += 1
        self.word_counts, self.word_docs = dict(counts), dict(documents)
        first = [] if self.oov_token is None else [self.oov_token]
        ordered = first + sorted(counts, key=counts.__getitem__, reverse=True)
        self.word_index = {word: number for number, word in enumerate(ordered, 1)}
        self.index_word = {number: word for word, number in self.word_index.items()}
        self.index_docs = {self.word_index[word]: n for word, n in documents.items()}

    def fit_on_sequences(self, sequences: list[Any]) -> None:
        """Count in how many lists each number occurs, for "tfidf" without texts."""
        documents = Counter(self.index_docs)
        for sequence in sequences:
            documents.update(set(sequence))
        self.document_count += len(sequences)
        self.index_docs = dict(documents)

    def _words(self, text: Any) -> list[str]:
        if self.char_level or isinstance(text, list):
            parts = list(text)
            return [part.lower() for part in parts] if self.lower else parts
        if self.analyzer is not None:
            return self.analyzer(text)
        return text_to_word_sequence(text, self.filters, self.lower, self.split)

    # Numbers and words -------------------------------------------------------------------------

    def texts_to_sequences(self, texts: Iterable[Any]) -> list[list[int]]:
        """The numbers of the words of each text; unknown words have that of `oov_token`, or none."""
        return list(self.texts_to_sequences_generator(texts))

    def texts_to_sequences_generator(self, texts: Iterable[Any]) -> Iterator[list[int]]:
        """As `texts_to_sequences`, one by one."""
        oov = self.word_index.get(self.oov_token) if self.oov_token is not None else None
        for text in texts:
            numbers = (self.word_index.get(word) for word in self._words(text))
            known = (number if self._is_used(number) else oov for number in numbers)
            yield [number for number in known if number is not None]

    def _is_used(self, number: int | None) -> bool:
        return number is not None and not (self.num_words and number >= self.num_words)

    def sequences_to_texts(self, sequences: Iterable[Any]) -> list[str]:
        """The words of each list of numbers, joined by spaces."""
        return list(self.sequences_to_texts_generator(sequences))

    def sequences_to_texts_generator(self, sequences: Iterable[Any]) -> Iterator[str]:
        """As `sequences_to_texts`, one by one."""
        for sequence in sequences:
            words = (self.index_word.get(n) if self._is_used(n) else None for n in sequence)
            known = (self.oov_token if word is None else word for word in words)
            yield " ".join(word for word in known if word is not None)

    # Tables ------------------------------------------------------------------------------------

    def texts_to_matrix(self, texts: Iterable[Any], mode: str = "binary") -> np.ndarray:
        """A row for each text; see `sequences_to_matrix`."""
        return self.sequences_to_matrix(self.texts_to_sequences(texts), mode)

    def sequences_to_matrix(self, sequences: list[Any], mode: str = "binary") -> np.ndarray:
        """(texts, num_words) what the numbers of each list amount to.

        Args:
            sequences: lists of numbers.
            mode: "binary" for 1 where a number occurs, "count" for how often, "freq" for that over
                the length of the list, "tfidf" for
                `(1 + log(count)) * log(1 + texts / (1 + texts with it))`.

        Raises:
            ArgumentError: for other modes, and before there are words or texts to go by.
        """
        if mode not in _MODES:
            raise ArgumentError(f"Tokenizer: expected mode to be one of {_MODES}, got {mode!r}.")
        if not self.num_words and not self.word_index:
            raise ArgumentError("Tokenizer: expected num_words= or fit_on_texts() before, got none.")
        if mode == "tfidf" and not self.document_count:
            raise ArgumentError("Tokenizer: expected fit_on_texts() before mode 'tfidf', got none.")
        size = self.num_words or len(self.word_index) + 1
        table = np.zeros((len(sequences), size))
        for row, sequence in zip(table, sequences, strict=True):
            numbers = np.asarray(sequence, int)
            np.add.at(row, numbers[numbers < size], 1)
        return self._weighted(table, mode, np.array([max(len(s), 1) for s in sequences]))

    def _weighted(self, counts: np.ndarray, mode: str, lengths: np.ndarray) -> np.ndarray:
        if mode == "binary":
            return (counts > 0).astype(float)
        if mode == "freq":
            return counts / lengths[:, None]
        if mode == "count":
            return counts
        documents = np.array([self.index_docs.get(n, 0) for n in range(counts.shape[1])])
        idf = np.log(1 + self.document_count / (1 + documents))
        return np.where(counts > 0, 1 + np.log(np.maximum(counts, 1)), 0) * idf

    # Saving ------------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """Arguments and tables, these as JSON, in Keras' format."""
        names = ("num_words", "filters", "lower", "split", "char_level", "oov_token")
        config = {name: getattr(self, name) for name in (*names, "document_count")}
        return config | {name: json.dumps(getattr(self, name)) for name in _TABLES}

    def to_json(self, **kwargs: Any) -> str:
        """All of it as JSON, for `tokenizer_from_json`; `kwargs` go to `json.dumps`."""
        return json.dumps({"class_name": "Tokenizer", "config": self.get_config()}, **kwargs)


def tokenizer_from_json(json_string: str) -> Tokenizer:
    """The Tokenizer that `to_json` wrote, here or in Keras.

    >>> tokenizer = Tokenizer()
    >>> tokenizer.fit_on_texts(["b a b"])
    >>> tokenizer_from_json(tokenizer.to_json()).word_index
    {'b': 1, 'a': 2}
    """
    config = json.loads(json_string)["config"]
    tables = {name: json.loads(config.pop(name)) for name in _TABLES}
    tokenizer = Tokenizer(**config)
    for name, table in tables.items():
        by_number = name.startswith("index")
        setattr(tokenizer, name, {int(k): v for k, v in table.items()} if by_number else table)
    return tokenizer
