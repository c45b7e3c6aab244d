"""The salt of hashes."""

from typing import Any

import numpy as np

from nnlib.core.errors import ArgumentError


def checked_salt(layer: str, salt: Any) -> tuple[int, int] | None:
    """Two integers from 0 to 2**64 - 1; one integer stands for both; None for no salt.

    >>> checked_salt("Hashing", 133)
    (133, 133)
    """
    if salt is None:
        return None
    values = salt if isinstance(salt, tuple | list) else (salt, salt)
    if len(values) != 2 or not all(map(_is_word, values)):
        raise ArgumentError(
            f"{layer}: expected salt to be None, an integer from 0 to 2**64 - 1 or two of them, "
            f"got {salt!r}."
        )
    return int(values[0]), int(values[1])


def _is_word(value: Any) -> bool:
    integer = isinstance(value, int | np.integer) and not isinstance(value, bool)
    return integer and 0 <= value < 2**64
