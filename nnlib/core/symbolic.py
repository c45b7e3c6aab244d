"""Shapes with None, computed: `call` is run on symbolic dims, never on data."""

import functools
from collections.abc import Callable
from typing import Any

import jax

from nnlib.core.compat import staging
from nnlib.core.specs import concrete_dims

_AXES = 8
_STAND_INS = ((211, 223, 227, 229, 233, 239, 241, 251), (257, 263, 269, 271, 277, 281, 283, 293))


@functools.cache
def _symbols() -> tuple[Any, ...]:
    """One symbol per axis, all in one scope: `b` for the batch, `d1`, `d2`, ... behind it.

    Two inputs that leave the same axis open therefore agree on it. Every symbol is at least 2, so
    that no size is mistaken for an axis to broadcast.
    """
    names = ["b", *(f"d{axis}" for axis in range(1, _AXES))]
    constraints = [f"{name} >= 2" for name in names]
    return tuple(jax.export.symbolic_shape(", ".join(names), constraints=constraints))


def struct(spec: Any, dims: tuple[Any, ...] | None = None) -> jax.ShapeDtypeStruct:
    """The ShapeDtypeStruct of an array or a spec, with `dims` (or symbols) in place of None."""
    dims = _symbols() if dims is None else dims
    shape = tuple(dims[axis] if d is None else d for axis, d in enumerate(spec.shape))
    return jax.ShapeDtypeStruct(shape, spec.dtype)


def eval_shape(function: Callable[..., Any], specs: list[Any]) -> Any:
    """`jax.eval_shape` over specs whose shapes may hold None.

    Where the code asks a question that a symbol cannot answer ("is n even?"), two sets of stand-in
    sizes are tried instead: a dim that differs between the two is unknown.
    """
    with staging():  # zeros of a symbolic size cannot be made at once
        return _eval_shape(function, specs)


def _eval_shape(function: Callable[..., Any], specs: list[Any]) -> Any:
    if all(None not in spec.shape for spec in specs):
        return jax.eval_shape(function, *specs)
    try:
        return jax.eval_shape(function, *[struct(spec) for spec in specs])
    except (jax.errors.InconclusiveDimensionOperation, jax.errors.ConcretizationTypeError):
        first, second = (
            jax.eval_shape(function, *[struct(spec, dims) for spec in specs]) for dims in _STAND_INS
        )
    return jax.tree.map(_merge, first, second)


def _merge(first: Any, second: Any) -> Any:
    shape = tuple(
        a if a == b else symbol
        for a, b, symbol in zip(first.shape, second.shape, _symbols(), strict=False)
    )
    return jax.ShapeDtypeStruct(shape, first.dtype)


def known_shape(out: Any) -> tuple[int | None, ...]:
    """The shape of an `eval_shape` result with None for every symbolic dim."""
    return concrete_dims(out.shape)
