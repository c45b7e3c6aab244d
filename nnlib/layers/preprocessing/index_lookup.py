"""What StringLookup and IntegerLookup share."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from nnlib.core.errors import ArgumentError, DataError
from nnlib.core.specs import ShapeSpec
from nnlib.layers.preprocessing.hash_key import checked_salt
from nnlib.layers.preprocessing.host_encoding import encoded_shape
from nnlib.layers.preprocessing.host_hashing import buckets
from nnlib.layers.preprocessing.host_values import host_array, integers_only
from nnlib.layers.preprocessing.vocabulary_layer import VocabularyLayer


class IndexLookup(VocabularyLayer):
    """Terms to numbers, or numbers to terms; see StringLookup."""

    mask_token: Any
    num_oov_indices: int
    salt: tuple[int, int] | None

    def _keep_lookup_arguments(
        self,
        max_tokens: int | None,
        num_oov_indices: int,
        mask_token: Any,
        oov_token: Any,
        vocabulary: Any,
        idf_weights: Any,
        invert: bool,
        pad_to_max_tokens: bool,
        salt: Any,
    ) -> None:
        own = type(self).__name__
        if invert and self.output_mode != "int":
            raise ArgumentError(
                f"{own}: expected output_mode='int' with invert=True, got {self.output_mode!r}."
            )
        if invert and oov_token is None:
            raise ArgumentError(f"{own}: expected an oov_token with invert=True, got None.")
        self.invert, self.mask_token, self.oov_token = bool(invert), mask_token, oov_token
        self.num_oov_indices = num_oov_indices
        self.salt = checked_salt(own, salt)
        self._keep_vocabulary_arguments(
            max_tokens,
            num_oov_indices,
            mask_token,
            oov_token,
            vocabulary,
            idf_weights,
            pad_to_max_tokens,
            self.invert,
        )

    def call_on_host(self, inputs: Any) -> Any:
        """Look up values that are known: numbers, or with `invert` terms."""
        self.require_vocabulary()
        if self.invert:
            numbers = integers_only(host_array(inputs, self.place), self.place)
            return self.as_output(self._terms.terms_of(numbers))
        return jnp.asarray(self.encoded(self.numbers_of(self.read(inputs))))

    def as_output(self, terms: np.ndarray) -> Any:
        """Terms as they are returned: strings in NumPy."""
        return terms

    def numbers_of(self, values: np.ndarray) -> np.ndarray:
        """The number of each term; -1 for padding in modes that leave it out."""
        vocabulary = self._terms
        numbers = vocabulary.numbers_of(values)
        unknown = numbers < 0
        mask = np.zeros(values.shape, bool)
        if self.mask_token is not None:
            mask = np.asarray(values == self.mask_token)
        unknown &= ~mask
        if unknown.any():
            numbers[unknown] = self._oov_numbers(values[unknown]) + vocabulary.oov_start
        return np.where(mask, 0 if vocabulary.oov_start else -1, numbers)

    def _oov_numbers(self, values: np.ndarray) -> Any:
        if self.num_oov_indices == 1:
            return 0
        if not self.num_oov_indices:
            raise DataError(
                f"{self.place}: expected terms of the vocabulary, got "
                f"{values.ravel()[:5].tolist()}. Set num_oov_indices=1."
            )
        return self.oov_buckets(values)

    def oov_buckets(self, values: np.ndarray) -> np.ndarray:
        """Which of several numbers each unknown term gets, by its hash."""
        return buckets(values, self.num_oov_indices, self.salt)

    def host_output_spec(self, spec: ShapeSpec) -> ShapeSpec:
        """The output for symbols of strings."""
        depth = None if self.output_mode == "int" else self.depth
        return ShapeSpec(encoded_shape(spec.shape, self.output_mode, depth), self.output_dtype)
