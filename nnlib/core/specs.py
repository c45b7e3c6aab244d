"""Shapes without arrays: what a layer declares, and what it is declared with."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from nnlib.core.errors import ArgumentError, ShapeError

Shape = tuple[int | None, ...]
STRING = np.dtype(str)
"""The dtype of specs and symbols of strings, however long: `Input(..., dtype="string")`."""
STRING_KINDS = ("O", "S", "T", "U")
"""The kinds of NumPy's dtypes that hold strings."""


@dataclass(frozen=True)
class Weight:
    """Enough to initialise, count, shard or restore one weight, but never its array."""

    shape: tuple[int, ...]
    init: Callable[[Any, tuple[int, ...], Any], jax.Array]
    dtype: str = "float32"
    trainable: bool = True
    """False: it is filed under `state`, not under `params`, and written by `update`."""
    autocast: bool = True
    """Hand it out in the layer's compute dtype; False keeps running statistics exact."""
    axes: tuple[str | None, ...] = ()
    """Logical names of its axes, read by sharding rules."""
    regularizer: Callable[[jax.Array], jax.Array] | None = None
    constraint: Callable[[jax.Array], jax.Array] | None = None

    @property
    def size(self) -> int:
        """The number of its elements."""
        return int(np.prod(self.shape, dtype=np.int64))


class ShapeSpec(tuple):
    """What `build` receives: a plain shape tuple that also knows its dtype.

    Dims that are not known yet are None, so both ways to write a layer work:

    >>> x = ShapeSpec((None, 4), "float32")
    >>> x[-1], x.shape[-1], x.ndim, x.dtype.name
    (4, 4, 2, 'float32')
    """

    dtype: np.dtype

    def __new__(cls, shape: Any, dtype: Any = "float32") -> "ShapeSpec":
        """A shape of ints and Nones, and a dtype or its name; all strings are `STRING`."""
        spec = super().__new__(cls, shape)
        dtype = STRING if dtype == "string" else jnp.dtype(dtype)
        spec.dtype = STRING if getattr(dtype, "kind", "") in STRING_KINDS else dtype
        return spec

    @property
    def shape(self) -> Shape:
        """The dims, None where unknown."""
        return tuple(self)

    @property
    def ndim(self) -> int:
        """The number of dims."""
        return len(self)


def holds_weights(value: Any) -> bool:
    """Whether `value` is a list or tuple of Weights."""
    return (
        isinstance(value, list | tuple)
        and len(value) > 0
        and all(isinstance(item, Weight) for item in value)
    )


def is_arraylike(leaf: Any) -> bool:
    """Whether `leaf` has a shape and a dtype: an array, a tracer, a spec."""
    return hasattr(leaf, "shape") and hasattr(leaf, "dtype")


def concrete_dims(shape: Any) -> Shape:
    """`shape` with None for every symbolic dim."""
    return tuple(int(d) if isinstance(d, int | np.integer) else None for d in shape)


def shape_spec(leaf: Any) -> Any:
    """The ShapeSpec of an array or a tracer; anything else (None, a flag) as it is."""
    return ShapeSpec(concrete_dims(leaf.shape), leaf.dtype) if is_arraylike(leaf) else leaf


def specs_of(inputs: Any) -> Any:
    """The ShapeSpecs of a pytree of arrays."""
    return jax.tree.map(shape_spec, inputs, is_leaf=lambda leaf: isinstance(leaf, ShapeSpec))


def is_shape(value: Any) -> bool:
    """Whether `value` is a plain shape such as `(None, 28, 28)`."""
    return isinstance(value, tuple | list) and all(
        d is None or (isinstance(d, int | np.integer) and not isinstance(d, bool)) for d in value
    )


def spec_from_shape(shape: Any) -> Any:
    """The ShapeSpec of a shape, or of a list or dict of shapes; all else as it is."""
    if is_arraylike(shape):
        return shape
    if is_shape(shape):
        return ShapeSpec(shape)
    if isinstance(shape, dict):
        return {key: spec_from_shape(item) for key, item in shape.items()}
    return list(map(spec_from_shape, shape)) if isinstance(shape, list | tuple) else shape


def check_shape(shape: Any, what: str) -> tuple[int, ...]:
    """`shape` as a tuple of non-negative ints, or an ArgumentError that says `what` it is for."""
    shape = (shape,) if isinstance(shape, int | np.integer) else tuple(shape)
    if not all(isinstance(d, int | np.integer) and d >= 0 for d in shape):
        raise ArgumentError(
            f"{what}: expected dims that are integers of at least 0, got {shape}. "
            "Every axis but the batch must be known: give Input() a full shape."
        )
    return tuple(int(d) for d in shape)


@dataclass(frozen=True)
class InputSpec:
    """What a layer accepts; set `self.input_spec` in `build` and every call is checked.

    Args:
        dtype: the name of the dtype, or None for any.
        shape: the full shape with None where free, or None for any.
        ndim: the exact number of axes.
        max_ndim: at most that many.
        min_ndim: at least that many.
        axes: sizes of single axes, `{-1: 4}`.
    """

    dtype: Any = None
    shape: Shape | None = None
    ndim: int | None = None
    max_ndim: int | None = None
    min_ndim: int | None = None
    axes: dict[int, int | None] | None = None

    def check(self, x: Any, where: str) -> None:
        """Raise a ShapeError that begins with `where` unless `x` fits."""
        got = f"got shape {concrete_dims(x.shape)}"
        rank = len(x.shape)
        self._check_rank(rank, where, got)
        if self.dtype is not None and jnp.dtype(x.dtype) != jnp.dtype(self.dtype):
            raise ShapeError(f"{where} expects dtype {self.dtype}, got {x.dtype}. Cast it first.")
        for axis, size in (self.axes or {}).items():
            if size is not None and concrete_dims(x.shape)[axis] not in (size, None):
                name = "the last axis" if axis == -1 else f"axis {axis}"
                raise ShapeError(
                    f"{where} was built for inputs of size {size} on {name}, {got}. "
                    "Give it inputs of that size, or make a new layer."
                )
        if self.shape is not None:
            pairs = zip(self.shape, concrete_dims(x.shape), strict=False)
            if any(None not in (want, have) and want != have for want, have in pairs):
                raise ShapeError(f"{where} expects inputs of shape {self.shape}, {got}.")

    def _check_rank(self, rank: int, where: str, got: str) -> None:
        exact = self.ndim if self.shape is None else len(self.shape)
        if exact is not None and rank != exact:
            raise ShapeError(f"{where} expects inputs with {exact} axes, {got}. Reshape them.")
        if self.max_ndim is not None and rank > self.max_ndim:
            raise ShapeError(f"{where} expects at most {self.max_ndim} axes, {got}.")
        if self.min_ndim is not None and rank < self.min_ndim:
            raise ShapeError(f"{where} expects at least {self.min_ndim} axes, {got}.")
