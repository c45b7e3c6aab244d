"""What users give to layers that work on the host, as NumPy arrays of strings or numbers."""

from typing import Any

import jax
import numpy as np

from nnlib.core.errors import DataError, DTypeError


def host_array(x: Any, place: str, encoding: str = "utf-8") -> np.ndarray:
    """Lists, series, scalars and arrays as an array of `str`, or of numbers.

    Raises:
        DataError: for rows of different lengths.
        DTypeError: for None, and for strings and numbers in one array.
    """
    if hasattr(x, "to_numpy"):
        x = x.to_numpy()
    if isinstance(x, jax.Array | np.ndarray | np.generic):
        array = np.asarray(x)
    else:
        array = _from_lists(x, place)
    if array.dtype.kind == "O":
        return _from_objects(array, place, encoding)
    if array.dtype.kind == "S":
        return np.char.decode(array, encoding)
    return array.astype(object) if array.dtype.kind == "T" else array


def _from_lists(x: Any, place: str) -> np.ndarray:
    try:
        array = np.asarray(x)
        # Of strings and numbers NumPy makes strings; the types of the objects tell.
        return np.asarray(x, object) if array.dtype.kind in "US" and array.ndim else array
    except ValueError as error:
        raise DataError(
            f"{place}: expected rows of one length, got rows of different lengths. Pad them first."
        ) from error


def _from_objects(array: np.ndarray, place: str, encoding: str) -> np.ndarray:
    flat = array.ravel().tolist()
    types = set(map(type, flat))
    if types <= {str, np.str_}:
        return array
    if types == {bytes}:
        texts = [text.decode(encoding) for text in flat]
        return np.array([*texts, None], object)[:-1].reshape(array.shape)
    if all(issubclass(kind, int | np.integer) and kind is not bool for kind in types):
        return array.astype(np.int64)
    names = ", ".join(sorted(kind.__name__ for kind in types))
    raise DTypeError(
        f"{place}: expected strings only, or integers only, got {names}. Fill in missing values, "
        "and turn numbers into strings by str() where both occur."
    )


def holds_strings(array: np.ndarray) -> bool:
    """Whether an array of `host_array` is one of strings."""
    return array.dtype.kind in "OU"


def strings_only(array: np.ndarray, place: str) -> np.ndarray:
    """`array`, if it holds strings."""
    if not holds_strings(array):
        raise DTypeError(f"{place}: expected strings, got dtype {array.dtype}.")
    return array


def integers_only(array: np.ndarray, place: str) -> np.ndarray:
    """`array` as int64: integers as they are, floats cut to integers."""
    if array.dtype.kind not in "iuf":
        raise DTypeError(f"{place}: expected integers, got {_kind(array)}.")
    return array.astype(np.int64)


def _kind(array: np.ndarray) -> str:
    return "strings" if holds_strings(array) else f"dtype {array.dtype}"
