"""Sequences of one length."""

from typing import Any

import numpy as np

from nnlib.core.errors import ArgumentError, DataError, ShapeError


def pad_sequences(
    sequences: Any,
    maxlen: int | None = None,
    dtype: Any = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: Any = 0.0,
) -> np.ndarray:
    """Sequences cut or filled up to one length, as one array.

    Args:
        sequences: lists or arrays, each of shape (time, ...) with the same trailing axes.
        maxlen: the length; that of the longest if None.
        dtype: of the array; `object` for strings of any length.
        padding: whether to fill up in front ("pre") or behind ("post").
        truncating: whether to cut off in front ("pre") or behind ("post").
        value: what to fill up with.

    Returns:
        (sequences, maxlen, ...).

    Raises:
        DataError: for things that are no sequences, or none at all without maxlen.
        ShapeError: if trailing axes differ.
        ArgumentError: for other words than "pre" and "post", or a value that does not fit dtype.

    >>> import nnlib as nn
    >>> nn.utils.pad_sequences([[1], [2, 3], [4, 5, 6]], maxlen=2).tolist()
    [[0, 1], [2, 3], [5, 6]]
    """
    _check_arguments(maxlen, dtype, padding, truncating, value)
    lengths = _lengths(sequences)
    if maxlen is None:
        if not lengths:
            raise DataError("pad_sequences: expected maxlen for no sequences at all, got None.")
        maxlen = max(lengths)
    sample = next(
        (np.asarray(s).shape[1:] for s, n in zip(sequences, lengths, strict=True) if n), ()
    )
    out = np.full((len(lengths), maxlen, *sample), value, dtype)
    for index, (sequence, length) in enumerate(zip(sequences, lengths, strict=True)):
        kept = min(length, maxlen)
        if not kept:
            continue
        part = sequence[length - kept :] if truncating == "pre" else sequence[:kept]
        row = np.asarray(part, dtype)
        if row.shape[1:] != sample:
            raise ShapeError(
                f"pad_sequences: expected every sequence to have steps of shape {sample}, got "
                f"{row.shape[1:]} in sequence {index}."
            )
        target = out[index, maxlen - kept :] if padding == "pre" else out[index, :kept]
        target[...] = row
    return out


def _check_arguments(maxlen: Any, dtype: Any, padding: Any, truncating: Any, value: Any) -> None:
    for name, given in (("padding", padding), ("truncating", truncating)):
        if given not in ("pre", "post"):
            raise ArgumentError(
                f"pad_sequences: expected {name} to be 'pre' or 'post', got {given!r}."
            )
    if maxlen is not None and (isinstance(maxlen, bool) or maxlen < 1):
        raise ArgumentError(f"pad_sequences: expected maxlen of at least 1, got {maxlen!r}.")
    if isinstance(value, str) and np.dtype(dtype).kind not in "OUS":
        raise ArgumentError(
            f"pad_sequences: expected a value that fits dtype={dtype}, got {value!r}. Write "
            "dtype=object for strings."
        )


def _lengths(sequences: Any) -> list[int]:
    if not hasattr(sequences, "__len__"):
        raise DataError(
            f"pad_sequences: expected a list of sequences, got {type(sequences).__name__}."
        )
    try:
        return [len(sequence) for sequence in sequences]
    except TypeError as error:
        raise DataError(
            f"pad_sequences: expected every item to be a sequence, got {error}."
        ) from None
