"""Checks of constructor arguments that many layers share."""

from typing import Any

import numpy as np

from nnlib.core.errors import ArgumentError


def positive_int(layer: str, name: str, value: Any) -> int:
    """`value` as an int of at least 1."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise ArgumentError(f"{layer}: expected {name} to be an integer above 0, got {value!r}.")
    return int(value)


def int_tuple(layer: str, name: str, value: Any, rank: int) -> tuple[int, ...]:
    """`value` as `rank` ints of at least 1; one int stands for all of them.

    >>> int_tuple("Conv2D", "strides", 2, 2)
    (2, 2)
    """
    values = value if isinstance(value, tuple | list) else (value,) * rank
    if len(values) != rank:
        raise ArgumentError(
            f"{layer}: expected {name} to be an integer or {rank} of them, got {value!r}."
        )
    return tuple(positive_int(layer, name, v) for v in values)


def one_of(layer: str, name: str, value: Any, allowed: tuple[Any, ...]) -> Any:
    """`value`, if it is among `allowed`."""
    if value not in allowed:
        names = ", ".join(map(repr, allowed))
        raise ArgumentError(f"{layer}: expected {name} to be one of {names}, got {value!r}.")
    return value
