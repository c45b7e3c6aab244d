"""StringLookup: strings to numbers, and back."""

from typing import Any

import numpy as np

from nnlib.layers.preprocessing.host_values import host_array, strings_only
from nnlib.layers.preprocessing.index_lookup import IndexLookup


class StringLookup(IndexLookup):
    """The number of each string in a vocabulary, which is given or found by `adapt`.

    Numbers begin with 0 for `mask_token` (if there is one and output_mode is "int"), go on with
    `num_oov_indices` for unknown strings, and then with the vocabulary in its order. It works on
    the host: in a model it stands in front, behind `Input(..., dtype="string")`.

    Args:
        max_tokens: the largest size of the vocabulary, special tokens included; None for any.
        num_oov_indices: how many numbers unknown strings share, by FarmHash; 0 refuses them.
        mask_token: the string for padding, or None.
        oov_token: what `invert` gives for numbers of no string.
        vocabulary: strings, or the path of a text file with one a line; then no `adapt` is needed.
        idf_weights: an inverse document frequency for each of them, for "tf_idf".
        invert: whether numbers are turned into strings, in a NumPy array.
        output_mode: "int" for numbers; "one_hot" for a vector of each string; "multi_hot", "count"
            and "tf_idf" for a vector of each sample, the last axis: whether, how often, and how
            often times `log(1 + documents / (1 + documents with the string))` each one occurs.
        pad_to_max_tokens: whether vectors have the size max_tokens.
        sparse: only False.
        encoding: of inputs that are bytes.
        salt: one or two integers: unknown strings are hashed by SipHash with this key.

    Input shape:
        Strings of any shape: a NumPy array, a list, a series or a single one.

    Output shape:
        The input's for "int"; else (..., vocabulary size), see `output_mode`. Floats, or int32.

    Raises:
        NotBuiltError: when called without a vocabulary.
        DataError: for unknown strings with num_oov_indices=0.

    >>> import nnlib as nn
    >>> layer = nn.layers.StringLookup()
    >>> layer.adapt([["a", "c", "d"], ["d", "z", "b"]])
    >>> layer.get_vocabulary()
    ['[UNK]', 'd', 'z', 'c', 'b', 'a']
    >>> layer([["a", "c"], ["d", "nobody"]]).tolist()
    [[5, 3], [1, 0]]
    >>> nn.layers.StringLookup(vocabulary=["a", "b"], invert=True)([2, 1, 0]).tolist()
    ['b', 'a', '[UNK]']
    """

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: str | None = None,
        oov_token: str | None = "[UNK]",
        vocabulary: Any = None,
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        pad_to_max_tokens: bool = False,
        sparse: bool = False,
        encoding: str = "utf-8",
        salt: Any = None,
        **kwargs: Any,
    ):
        super().__init__(output_mode, sparse, **kwargs)
        self.encoding = encoding
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
        return strings_only(host_array(data, self.place, self.encoding), self.place)
