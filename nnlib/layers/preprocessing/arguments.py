"""Checks of arguments that layers over images share: factors, ranges, ways to fill."""

from typing import Any

import numpy as np

from nnlib.core.errors import ArgumentError
from nnlib.layers.checks import one_of

Range = tuple[float, float]


def is_number(value: Any) -> bool:
    """Whether `value` is a real number, and no truth value."""
    return isinstance(value, int | float | np.number) and not isinstance(value, bool | np.bool_)


def number(layer: str, name: str, value: Any) -> float:
    """`value`, if it is a number."""
    if not is_number(value):
        raise ArgumentError(f"{layer}: expected {name} to be a number, got {value!r}.")
    return value


def pair(layer: str, name: str, value: Any) -> Range:
    """Two numbers, the smaller one first."""
    numbers = isinstance(value, tuple | list) and len(value) == 2 and all(map(is_number, value))
    if not numbers:
        raise ArgumentError(f"{layer}: expected {name} to be two numbers, got {value!r}.")
    low, high = sorted(value)
    return low, high


def factor_range(layer: str, name: str, value: Any, low: float, high: float) -> Range:
    """The range to draw from: of -f to f for a number f, cut off at `low`; else two numbers.

    Two numbers may lie beyond the bounds as long as their range meets them, as in Keras.

    >>> factor_range("RandomContrast", "factor", 0.2, 0, 1)
    (0, 0.2)
    """
    if is_number(value) and low <= value <= high:
        return max(-abs(value), low), abs(value)
    if isinstance(value, tuple | list):
        first, last = pair(layer, name, value)
        if first <= high and last >= low:
            return first, last
    raise ArgumentError(
        f"{layer}: expected {name} to be a number from {low} to {high}, or two numbers whose "
        f"range meets that, got {value!r}."
    )


def bounded_range(layer: str, name: str, value: Any, low: float, high: float) -> Range:
    """The range to draw from: of -f to f for a number f, else two numbers; all within bounds.

    >>> bounded_range("RandomTranslation", "height_factor", 0.2, -1, 1)
    (-0.2, 0.2)
    """
    first, last = pair(layer, name, value if isinstance(value, tuple | list) else (value, value))
    if not (low <= first and last <= high):
        raise ArgumentError(
            f"{layer}: expected {name} to be a number from {low} to {high}, or two of them, "
            f"got {value!r}."
        )
    return (first, last) if isinstance(value, tuple | list) else (-abs(first), abs(first))


def checked_value_range(layer: str, value: Any) -> Range:
    """The smallest and the largest value that a pixel may have."""
    low, high = pair(layer, "value_range", value)
    if low == high:
        raise ArgumentError(f"{layer}: expected value_range to be no single value, got {value!r}.")
    return low, high


def checked_interpolation(layer: str, value: Any) -> str:
    """Between the pixels of an image that is moved."""
    return one_of(layer, "interpolation", value, ("nearest", "bilinear"))


def checked_fill_mode(layer: str, value: Any) -> str:
    """Outside of an image that is moved."""
    return one_of(layer, "fill_mode", value, ("reflect", "wrap", "constant", "nearest"))
