"""Checks of the arguments that methods of Dataset share."""

from typing import Any

import numpy as np

from nnlib.core.errors import ArgumentError
from nnlib.data.constants import AUTOTUNE


def integer(place: str, name: str, value: Any, least: int | None = None) -> int:
    """`value` as an int of at least `least`."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or (least is not None and value < least):
        text = "an integer" if least is None else f"an integer of at least {least}"
        raise ArgumentError(f"{place}: expected {name} to be {text}, got {value!r}.")
    return int(value)


def function(place: str, name: str, value: Any) -> Any:
    """`value`, if it can be called."""
    if not callable(value):
        raise ArgumentError(f"{place}: expected {name} to be a function, got {value!r}.")
    return value


def parallelism(place: str, value: Any) -> int | None:
    """num_parallel_calls: None, AUTOTUNE or at least 1."""
    if value is None or value == AUTOTUNE:
        return value
    return integer(place, "num_parallel_calls", value, least=1)


def flag(place: str, name: str, value: Any) -> bool | None:
    """A bool or None."""
    if value is not None and not isinstance(value, bool):
        raise ArgumentError(f"{place}: expected {name} to be True, False or None, got {value!r}.")
    return value


def seed(place: str, value: Any) -> int:
    """`value` as a number from 0; one drawn by numpy for None."""
    if value is None:
        return int(np.random.randint(2**31))
    return integer(place, "seed", value) % 2**64
