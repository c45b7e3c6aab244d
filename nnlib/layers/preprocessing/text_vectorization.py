"""TextVectorization: texts to numbers of words."""

from itertools import accumulate
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from nnlib.core.errors import ArgumentError, ShapeError
from nnlib.core.specs import ShapeSpec
from nnlib.layers.checks import count, one_of, positive_int
from nnlib.layers.preprocessing.host_encoding import encoded_shape
from nnlib.layers.preprocessing.host_values import host_array, strings_only
from nnlib.layers.preprocessing.text_splitting import (
    joined_neighbours,
    padded,
    split_texts,
    standardized,
)
from nnlib.layers.preprocessing.vocabulary_layer import VocabularyLayer

_STANDARDS = ("lower_and_strip_punctuation", "lower", "strip_punctuation")


class TextVectorization(VocabularyLayer):
    """Standardise texts, split them into terms, and look these up in a vocabulary.

    In mode "int" the number 0 is padding, 1 an unknown term, and 2 the first of the vocabulary; in
    all others 0 is an unknown term. It works on the host: in a model it stands in front, behind
    `Input((1,), dtype="string")`.

    Args:
        max_tokens: the largest size of the vocabulary, special tokens included; None for any.
        standardize: "lower_and_strip_punctuation", "lower", "strip_punctuation" (of ASCII
            characters, as in Keras), None, or a function of an array of strings.
        split: "whitespace", "character", None for texts that are terms, or a function from (n,)
            strings to n lists of terms.
        ngrams: n for runs of 1 to n terms, or a tuple of the lengths of runs, which are terms too.
        output_mode: "int", "multi_hot", "count" or "tf_idf"; see StringLookup.
        output_sequence_length: rows are cut or padded to it, in mode "int"; None for the longest of
            the call.
        pad_to_max_tokens: whether vectors have the size max_tokens.
        vocabulary: strings, or the path of a text file with one a line; then no `adapt` is needed.
        idf_weights: an inverse document frequency for each of them, for "tf_idf".
        sparse: only False.
        ragged: only False.
        encoding: of inputs that are bytes.

    Input shape:
        Strings: (batch,) or (batch, 1), or a single one.

    Output shape:
        (batch, output_sequence_length) for "int", else (batch, vocabulary size).

    >>> import nnlib as nn
    >>> layer = nn.layers.TextVectorization(output_sequence_length=4)
    >>> layer.adapt(["foo bar", "bar baz", "baz bada boom"])
    >>> layer(["Foo, qux, bar!", "qux baz"]).tolist()
    [[4, 1, 3, 0], [1, 2, 0, 0]]
    """

    output_modes = ("int", "multi_hot", "count", "tf_idf")

    def __init__(
        self,
        max_tokens: int | None = None,
        standardize: Any = "lower_and_strip_punctuation",
        split: Any = "whitespace",
        ngrams: Any = None,
        output_mode: str = "int",
        output_sequence_length: int | None = None,
        pad_to_max_tokens: bool = False,
        vocabulary: Any = None,
        idf_weights: Any = None,
        sparse: bool = False,
        ragged: bool = False,
        encoding: str = "utf-8",
        **kwargs: Any,
    ):
        super().__init__(output_mode, sparse, **kwargs)
        own = "TextVectorization"
        if standardize is not None and not callable(standardize):
            one_of(own, "standardize", standardize, (*_STANDARDS, None))
        if split is not None and not callable(split):
            one_of(own, "split", split, ("whitespace", "character", None))
        if ragged:
            raise ArgumentError(
                f"{own}: expected ragged=False, got True. JAX arrays have rows of one length: set "
                "output_sequence_length, or leave rows to be padded with 0."
            )
        self.standardize, self.split = standardize, split
        self.ngrams = _sizes(own, ngrams)
        self.output_sequence_length = self._checked_length(output_sequence_length)
        self.ragged, self.encoding = False, encoding
        self._keep_vocabulary_arguments(
            max_tokens, 1, "", "[UNK]", vocabulary, idf_weights, pad_to_max_tokens
        )

    def _checked_length(self, length: Any) -> int | None:
        if length is not None and self.output_mode != "int":
            raise ArgumentError(
                "TextVectorization: expected output_sequence_length with output_mode='int' only, "
                f"got {length} with {self.output_mode!r}."
            )
        return None if length is None else count("TextVectorization", "output_sequence_length", length)

    def read(self, data: Any) -> np.ndarray:
        return strings_only(host_array(data, self.place, self.encoding), self.place)

    def documents(self, rows: np.ndarray) -> list[list[str]]:
        """The terms of each text."""
        texts = standardized(rows, self.standardize, self.place)
        if self.split is None:
            terms = super().documents(texts)
        else:
            terms = split_texts(self._one_a_row(texts).ravel(), self.split, self.place)
        sizes = self.ngrams
        return terms if sizes is None else [joined_neighbours(row, sizes) for row in terms]

    def _one_a_row(self, texts: np.ndarray) -> np.ndarray:
        """Texts without the axis of 1 at the end."""
        if texts.ndim > 1 and texts.shape[-1] != 1:
            raise ShapeError(
                f"{self.place}: expected texts of shape (batch,) or (batch, 1) to split, got "
                f"{texts.shape}."
            )
        return texts[..., 0] if texts.ndim > 1 else texts

    def call_on_host(self, inputs: Any) -> jax.Array:
        """Numbers of terms for texts that are known."""
        self.require_vocabulary()
        texts = self.read(inputs)
        leading = texts.shape[:-1] if self.split is None else self._one_a_row(texts).shape
        rows = self._numbers(self.documents(np.atleast_1d(texts)))
        integers = self.output_mode == "int"
        table = padded(rows, self.output_sequence_length, 0 if integers else -1)
        return jnp.asarray(self.encoded(table.reshape(*leading, table.shape[-1])))

    def _numbers(self, documents: list[list[str]]) -> list[np.ndarray]:
        """The numbers of the terms of each document, looked up in one go."""
        flat = [term for terms in documents for term in terms]
        vocabulary = self._terms
        numbers = vocabulary.numbers_of(np.array([*flat, None], object)[:-1])
        numbers = np.where(numbers < 0, vocabulary.oov_start, numbers)
        if "" in flat:  # the mask token
            empty = np.array([term == "" for term in flat])
            numbers = np.where(empty, 0 if self.output_mode == "int" else -1, numbers)
        ends = list(accumulate(map(len, documents)))
        return np.split(numbers, ends[:-1]) if documents else []

    def host_output_spec(self, spec: ShapeSpec) -> ShapeSpec:
        """The output for symbols of strings."""
        shape: Any = spec.shape
        if self.split is not None:
            shape = (*(shape[:-1] if len(shape) > 1 else shape), None)
        elif self.ngrams is not None:
            shape = (*shape[:-1], None)
        if self.output_mode != "int":
            return ShapeSpec(encoded_shape(shape, "count", self.depth), self.output_dtype)
        if self.output_sequence_length is not None:
            shape = (*shape[:-1], self.output_sequence_length)
        return ShapeSpec(shape, self.output_dtype)


def _sizes(layer: str, ngrams: Any) -> tuple[int, ...] | None:
    if ngrams is None:
        return None
    if isinstance(ngrams, tuple | list):
        return tuple(positive_int(layer, "ngrams", size) for size in ngrams)
    return tuple(range(1, positive_int(layer, "ngrams", ngrams) + 1))
