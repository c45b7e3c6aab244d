"""Primitives that move elements about without looking at them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..graph import Tensor
from ..symbolic import is_one, is_static, pad_rank, plain, same_dim, same_shape, strip_leading_ones
from .elementwise import check_dtype, scalar
from .indexing import counting
from .lowerer import Lowerer
from .registry import lowers

_NUMBERS = (np.dtype(np.float32), np.dtype(np.int32))
_MOVABLE = (*_NUMBERS, np.dtype(np.uint8), np.dtype(np.int8))  # SPLIT and PACK have none for bool


@lowers("broadcast_in_dim")
def lower_broadcast_in_dim(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """Only a reshape that puts the operand's axes in place: readers broadcast by themselves."""
    x = inputs[0]
    placed: list[Any] = [1] * len(eqn.params["shape"])
    sizes = pad_rank(x.shape, len(eqn.invars[0].aval.shape))
    for axis, dim in zip(eqn.params["broadcast_dimensions"], sizes, strict=True):
        placed[int(axis)] = dim
    if same_shape(strip_leading_ones(x.shape), strip_leading_ones(placed)):
        return x
    return lowerer.reshape(x, placed)  # with leading ones: reductions before it can keep theirs


@lowers("reshape")
def lower_reshape(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """RESHAPE of what is there, a broadcast written out first."""
    x = inputs[0]
    if eqn.params.get("dimensions") is not None:
        raise lowerer.refuse(eqn, "a reshape in row-major order", "Transpose before the reshape.")
    if all(is_one(dim) for dim in x.shape):
        return lowerer.reshape(x, ())  # one element, whatever the broadcast shape is
    return lowerer.reshape(lowerer.full(x, eqn.invars[0].aval.shape), eqn.params["new_sizes"])


@lowers("squeeze")
def lower_squeeze(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """RESHAPE without the axes of size 1."""
    sizes = pad_rank(inputs[0].shape, len(eqn.invars[0].aval.shape))
    gone = {int(axis) for axis in eqn.params["dimensions"]}
    return lowerer.reshape(inputs[0], [dim for axis, dim in enumerate(sizes) if axis not in gone])


@lowers("expand_dims")
def lower_expand_dims(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """RESHAPE with new axes of size 1."""
    return lowerer.reshape(
        lowerer.full(inputs[0], eqn.invars[0].aval.shape), eqn.outvars[0].aval.shape
    )


@lowers("transpose")
def lower_transpose(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """TRANSPOSE."""
    permutation = eqn.params["permutation"]
    return lowerer.transpose(lowerer.rank_padded(inputs[0], len(permutation)), permutation)


@lowers("concatenate")
def lower_concatenate(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """CONCATENATION of the parts that have elements."""
    axis = int(eqn.params["dimension"])
    parts = [
        lowerer.full(x, var.aval.shape)
        for x, var in zip(inputs, eqn.invars, strict=True)
        if not same_dim(var.aval.shape[axis], 0)  # nothing to add, and no kernel takes nothing
    ]
    if len(parts) == 1:
        return parts[0]
    shape = eqn.outvars[0].aval.shape
    return lowerer.graph.add("CONCATENATION", parts, shape, axis=axis)


@lowers("stack")
def lower_stack(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """PACK along a new axis."""
    parts = [lowerer.full(x, var.aval.shape) for x, var in zip(inputs, eqn.invars, strict=True)]
    shape = eqn.outvars[0].aval.shape
    axis = int(eqn.params["axis"])
    if inputs[0].dtype == np.bool_:
        apart = [lowerer.reshape(x, (*x.shape[:axis], 1, *x.shape[axis:])) for x in parts]
        return lowerer.graph.add("CONCATENATION", apart, shape, axis=axis)
    check_dtype(lowerer, eqn, inputs, _MOVABLE)
    return lowerer.graph.add("PACK", parts, shape, values_count=len(parts), axis=axis)


@lowers("unstack")
def lower_unstack(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Sequence[Tensor]:
    """UNPACK along an axis."""
    check_dtype(lowerer, eqn, inputs, _MOVABLE)
    x = lowerer.full(inputs[0], eqn.invars[0].aval.shape)
    outputs = [Tensor(plain(var.aval.shape), x.dtype) for var in eqn.outvars]
    axis = int(eqn.params["axis"])
    return lowerer.graph.add_many("UNPACK", [x], outputs, num=len(outputs), axis=axis)


def pad_tensor(
    lowerer: Lowerer, x: Tensor, pads: Sequence[tuple[int, int]], value: float | Tensor = 0.0
) -> Tensor:
    """`x` with `value` around it; PAD for zeros, PADV2 for anything else."""
    if not any(low or high for low, high in pads):
        return x
    shape = [dim + low + high for dim, (low, high) in zip(x.shape, pads, strict=True)]
    amounts = lowerer.graph.constant(np.array(pads, np.int32))
    fill = value if isinstance(value, Tensor) else scalar(lowerer, value, x)
    if fill.data is not None and not fill.data.any():
        return lowerer.graph.add("PAD", [x, amounts], shape)
    return lowerer.graph.add("PADV2", [x, amounts, fill], shape)


@lowers("split")
def lower_split(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Sequence[Tensor]:
    """SPLIT into equal parts, SPLIT_V into others."""
    check_dtype(lowerer, eqn, inputs, _MOVABLE)
    x = lowerer.full(inputs[0], eqn.invars[0].aval.shape)
    sizes = [int(size) for size in eqn.params["sizes"]]
    axis = lowerer.graph.constant(np.int32(eqn.params["axis"]))
    outputs = [Tensor(plain(var.aval.shape), x.dtype) for var in eqn.outvars]
    if len(set(sizes)) == 1:
        return lowerer.graph.add_many("SPLIT", [axis, x], outputs, num_splits=len(sizes))
    parts = [x, lowerer.graph.ints(sizes), axis]
    return lowerer.graph.add_many("SPLIT_V", parts, outputs, num_splits=len(sizes))


@lowers("rev")
def lower_rev(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """REVERSE_V2 along each axis."""
    x = lowerer.full(inputs[0], eqn.invars[0].aval.shape)
    for axis in eqn.params["dimensions"]:
        x = lowerer.graph.add("REVERSE_V2", [x, lowerer.graph.ints([int(axis)])], x.shape)
    return x


@lowers("tile")
def lower_tile(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """TILE."""
    reps = eqn.params["reps"]
    if not all(is_static(count) for count in reps):
        raise lowerer.refuse(eqn, "repetitions that are numbers", "Use jnp.broadcast_to.")
    x = lowerer.full(inputs[0], eqn.invars[0].aval.shape)
    if all(count == 1 for count in reps):
        return x
    counts = lowerer.graph.ints(int(count) for count in reps)
    return lowerer.graph.add("TILE", [x, counts], eqn.outvars[0].aval.shape)


@lowers("iota")
def lower_iota(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """0, 1, 2 ... along one axis; the other axes stay broadcasts."""
    shape, axis = eqn.params["shape"], int(eqn.params["dimension"])
    dtype = np.dtype(eqn.params["dtype"])
    placed = (shape[axis], *[1] * (len(shape) - axis - 1))
    if is_static(shape[axis]):
        return lowerer.graph.constant(np.arange(shape[axis]).astype(dtype).reshape(placed))
    if dtype not in _NUMBERS:
        raise lowerer.refuse(eqn, "int32 or float32", "Pass dtype=jnp.int32.")
    counted = counting(lowerer, shape[axis])
    if dtype == np.float32:
        counted = lowerer.graph.add("CAST", [counted], counted.shape, dtype)
    return lowerer.reshape(counted, placed)


@lowers("empty", "empty2")
def lower_empty(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """Room that will be overwritten, with zeros in it."""
    return lowerer.graph.constant(np.zeros((), eqn.outvars[0].aval.dtype))


@lowers("dim_as_value")
def lower_dim_as_value(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """A free size as a number, read while running."""
    return lowerer.dim(eqn.params["dim"])


def broadcast_axes(x: Tensor, shape: Sequence[Any]) -> list[int]:
    """Axes on which `x`, of the same rank, stands for more elements than it has."""
    pairs = enumerate(zip(x.shape, shape, strict=True))
    return [axis for axis, (own, full) in pairs if not same_dim(own, full)]


def value_range(dtype: np.dtype) -> tuple[float, float]:
    """The smallest and the largest value, infinities for floats."""
    if np.issubdtype(dtype, np.floating):
        return -np.inf, np.inf
    limits = np.iinfo(dtype)
    return limits.min, limits.max
