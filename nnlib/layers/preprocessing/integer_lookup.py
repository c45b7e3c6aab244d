"""IntegerLookup: any integers to numbers from 0 on, and back."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from nnlib.core.errors import ArgumentError, DTypeError
from nnlib.core.frame import current_frame
from nnlib.layers.checks import one_of
from nnlib.layers.preprocessing.host_values import host_array, integers_only
from nnlib.layers.preprocessing.index_lookup import IndexLookup
from nnlib.ops.categorical import encode_categories, find_terms
from nnlib.ops.integer_hashing import integer_buckets


class IntegerLookup(IndexLookup):
    """The number of each integer in a vocabulary, which is given or found by `adapt`.

    Numbers begin with 0 for `mask_token` (if there is one and output_mode is "int"), go on with
    `num_oov_indices` for unknown integers, and then with the vocabulary in its order. It works on
    the host, with 64 bits, and also inside compiled models, with the 32 bits that JAX has there.

    Args:
        max_tokens: the largest size of the vocabulary, special tokens included; None for any.
        num_oov_indices: how many numbers unknown integers share; 0 refuses them. Inside compiled
            code, where values are not known, they then get -1 or a vector of zeros.
        mask_token: the integer for padding, or None.
        oov_token: what `invert` gives for numbers of no integer.
        vocabulary: integers, or the path of a text file with one a line; then no `adapt` is needed.
        vocabulary_dtype: only "int64".
        idf_weights: an inverse document frequency for each of them, for "tf_idf".
        invert: whether numbers are turned back into integers; those beyond 32 bits come in a NumPy
            array.
        output_mode: "int", "one_hot", "multi_hot", "count" or "tf_idf"; see StringLookup.
        sparse: only False.
        pad_to_max_tokens: whether vectors have the size max_tokens.
        oov_method: how unknown integers share several numbers: "floormod" by the remainder,
            "farmhash" by the hash of their digits.
        salt: one or two integers: "farmhash" becomes SipHash with this key.

    Input shape:
        Integers of any shape; floats are cut to integers.

    Output shape:
        The input's for "int"; else (..., vocabulary size), see StringLookup.

    Raises:
        NotBuiltError: when called without a vocabulary.
        DataError: for unknown integers with num_oov_indices=0.

    >>> import numpy as np, nnlib as nn
    >>> layer = nn.layers.IntegerLookup()
    >>> layer.adapt(np.array([[12, 1138, 42], [42, 1000, 36]]))
    >>> layer.get_vocabulary()
    [-1, 42, 1138, 1000, 36, 12]
    >>> layer(np.array([[12, 42, 7]])).tolist()
    [[5, 1, 0]]
    """

    kind = "int64"

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: int | None = None,
        oov_token: int = -1,
        vocabulary: Any = None,
        vocabulary_dtype: str = "int64",
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        sparse: bool = False,
        pad_to_max_tokens: bool = False,
        oov_method: str = "floormod",
        salt: Any = None,
        **kwargs: Any,
    ):
        super().__init__(output_mode, sparse, **kwargs)
        own = "IntegerLookup"
        self.vocabulary_dtype = one_of(own, "vocabulary_dtype", vocabulary_dtype, ("int64",))
        self.oov_method = one_of(own, "oov_method", oov_method, ("floormod", "farmhash"))
        if salt is not None and oov_method != "farmhash":
            raise ArgumentError(
                f"{own}: expected oov_method='farmhash' with a salt, got {oov_method!r}."
            )
        self._keep_lookup_arguments(
            max_tokens,
            num_oov_indices,
            mask_token,
            oov_token,
            vocabulary,
            idf_weights,
            invert,
            pad_to_max_tokens,
            salt,
        )

    def read(self, data: Any) -> np.ndarray:
        return integers_only(host_array(data, self.place), self.place)

    def oov_buckets(self, values: np.ndarray) -> np.ndarray:
        if self.oov_method == "floormod":
            return values % self.num_oov_indices
        return super().oov_buckets(values)

    def as_output(self, terms: np.ndarray) -> Any:
        """In JAX, unless that has too few bits."""
        dtype = jax.dtypes.canonicalize_dtype(np.int64)
        small = terms.astype(dtype)
        return jnp.asarray(small) if np.array_equal(small, terms) else terms

    # Inside a trace ----------------------------------------------------------------------------

    def call(self, x: jax.Array) -> jax.Array:
        if not jnp.issubdtype(x.dtype, jnp.number):
            raise DTypeError(f"{self.place}: expected integers, got dtype {x.dtype}.")
        self.require_vocabulary()
        frame = current_frame()
        if frame is None or not frame.declaring:
            self._terms.baked = True
        x = x.astype(int) if jnp.issubdtype(x.dtype, jnp.floating) else x
        return self._traced_inverse(x) if self.invert else self._traced(x)

    def _traced(self, x: jax.Array) -> jax.Array:
        terms, start = self._table(), self._terms.oov_start
        order = np.argsort(terms)
        numbers = jnp.asarray(order + self._terms.start, jnp.int32)
        found = find_terms(x, jnp.asarray(terms[order]), numbers)
        if self.num_oov_indices:
            found = jnp.where(found < 0, self._traced_oov(x) + start, found)
        if self.mask_token is not None:
            found = jnp.where(x == self.mask_token, 0 if start else -1, found)
        if self.output_mode == "int":
            return found.astype(self.output_dtype)
        idf = self.output_mode == "tf_idf"
        mode, dtype = "count" if idf else self.output_mode, self.output_dtype.name
        vectors = encode_categories(found, self.depth, mode, dtype)
        return vectors * self._traced_idf(vectors) if idf else vectors

    def _traced_oov(self, x: jax.Array) -> jax.Array:
        if self.oov_method == "floormod" or self.num_oov_indices == 1:
            return (x % self.num_oov_indices).astype(jnp.int32)
        return integer_buckets(x, self.num_oov_indices, self.salt)

    def _traced_idf(self, vectors: jax.Array) -> jax.Array:
        idf = self._terms.idf
        assert idf is not None
        padded = np.pad(idf, (0, self.depth - len(idf)))
        return jnp.asarray(padded, vectors.dtype).reshape(*[1] * (vectors.ndim - 1), -1)

    def _traced_inverse(self, numbers: jax.Array) -> jax.Array:
        terms, vocabulary = jnp.asarray(self._table()), self._terms
        place = numbers - vocabulary.start
        known = (place >= 0) & (place < len(terms))
        out = jnp.where(known, terms[jnp.clip(place, 0, len(terms) - 1)], self.oov_token)
        return jnp.where(numbers == 0, self.mask_token, out) if vocabulary.oov_start else out

    def _table(self) -> np.ndarray:
        """The vocabulary in the integers that JAX has."""
        terms = self._terms.terms
        assert terms is not None
        limits = np.iinfo(jax.dtypes.canonicalize_dtype(np.int64))
        if terms.min() < limits.min or terms.max() > limits.max:
            raise DTypeError(
                f"{self.place}: expected a vocabulary of 32-bit integers inside compiled code, got "
                f"{terms.min()} to {terms.max()}. Call the layer on the data beforehand."
            )
        return terms.astype(limits.dtype)
