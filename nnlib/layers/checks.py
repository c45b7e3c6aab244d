"""Checks of constructor arguments that many layers share."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from nnlib.core.dtypes import is_float
from nnlib.core.errors import ArgumentError, ShapeError
from nnlib.core.frame import current_frame
from nnlib.core.layer import Layer
from nnlib.core.specs import InputSpec


def positive_int(layer: str, name: str, value: Any) -> int:
    """`value` as an int of at least 1."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise ArgumentError(f"{layer}: expected {name} to be an integer above 0, got {value!r}.")
    return int(value)


def count(layer: str, name: str, value: Any) -> int:
    """`value` as an int of at least 0."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 0:
        raise ArgumentError(
            f"{layer}: expected {name} to be an integer of at least 0, got {value!r}."
        )
    return int(value)


def int_tuple(
    layer: str, name: str, value: Any, rank: int, each: Callable[..., int] = positive_int
) -> tuple[int, ...]:
    """`value` as `rank` ints that pass `each`; one int stands for all of them.

    >>> int_tuple("Conv2D", "strides", 2, 2)
    (2, 2)
    """
    values = value if isinstance(value, tuple | list) else (value,) * rank
    if len(values) != rank:
        raise ArgumentError(
            f"{layer}: expected {name} to be an integer or {rank} of them, got {value!r}."
        )
    return tuple(each(layer, name, v) for v in values)


def one_of(layer: str, name: str, value: Any, allowed: tuple[Any, ...]) -> Any:
    """`value`, if it is among `allowed`."""
    if value not in allowed:
        names = ", ".join(map(repr, allowed))
        raise ArgumentError(f"{layer}: expected {name} to be one of {names}, got {value!r}.")
    return value


def fraction(layer: str, name: str, value: Any) -> float:
    """`value`, if it is a number from 0 to 1."""
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if not number or not 0 <= value <= 1:
        raise ArgumentError(f"{layer}: expected {name} to be between 0 and 1, got {value!r}.")
    return float(value)


def number(layer: str, name: str, value: Any, least: float | None = None) -> float:
    """`value`, if it is a number and, where that is asked for, at least `least`."""
    fits = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if not fits or (least is not None and not value >= least):
        bound = "" if least is None else f" of at least {least}"
        raise ArgumentError(f"{layer}: expected {name} to be a number{bound}, got {value!r}.")
    return float(value)


def positive_number(layer: str, name: str, value: Any) -> float:
    """`value`, if it is a number above 0."""
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if not number or not value > 0:
        raise ArgumentError(f"{layer}: expected {name} to be a number above 0, got {value!r}.")
    return float(value)


def axis_number(layer: str, name: str, value: Any) -> int:
    """`value` as an int of any sign."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise ArgumentError(f"{layer}: expected {name} to be an integer, got {value!r}.")
    return int(value)


def axis_numbers(layer: str, name: str, value: Any) -> tuple[int, ...]:
    """`value` as a tuple of ints of any sign; one int stands for itself."""
    values = value if isinstance(value, tuple | list) else (value,)
    return tuple(axis_number(layer, name, v) for v in values)


def place_of(layer: Layer) -> str:
    """`encoder/dense_1 (Dense)`, for errors in `build` and `call`."""
    frame = current_frame()
    return frame.place_of(layer) if frame else f"{layer.name} ({type(layer).__name__})"


def check_axis(layer: Layer, axis: int, ndim: int) -> int:
    """`axis` counted from the front; raises ShapeError if the input has no such axis."""
    if not -ndim <= axis < ndim:
        raise ShapeError(
            f"{place_of(layer)}: expected inputs that have an axis {axis}, got {ndim} axes."
        )
    return axis % ndim


def known_size(layer: Layer, x: Any, axis: int) -> int:
    """The size of `axis`; raises ShapeError where it is not known."""
    if x.shape[axis] is None:
        raise ShapeError(
            f"{place_of(layer)}: expected a known size on axis {axis}, got shape {tuple(x.shape)}. "
            "Give Input() that size."
        )
    return x.shape[axis]


def spec_of_axes(layer: Layer, x: Any, axes: tuple[int, ...]) -> InputSpec:
    """That these axes keep the sizes that they have in x, counted as the user counts them."""
    sizes: dict[int, int | None] = {
        axis: known_size(layer, x, check_axis(layer, axis, x.ndim)) for axis in axes
    }
    least = max((axis + 1 if axis >= 0 else -axis for axis in axes), default=0)
    return InputSpec(min_ndim=least, axes=sizes)


def float_input(layer: Layer, x: jax.Array) -> jax.Array:
    """`x`, integers as floats of the layer's compute dtype."""
    return x if is_float(x) else x.astype(layer.compute_dtype)
