"""Slices, with bounds known while exporting or only while running."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..graph import Tensor
from ..symbolic import Dim, is_static, same_dim
from .indexing import clipped
from .lowerer import Lowerer
from .registry import lowers


@lowers("slice")
def lower_slice(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """SLICE, or STRIDED_SLICE where there are steps or bounds counted from the end."""
    p = eqn.params
    strides = p["strides"] or [1] * len(p["start_indices"])
    bounds = zip(p["start_indices"], p["limit_indices"], strides, strict=True)
    return slice_tensor(lowerer, eqn, inputs[0], eqn.invars[0].aval.shape, list(bounds))


def slice_tensor(
    lowerer: Lowerer,
    eqn: Any,
    x: Tensor,
    full_shape: Sequence[Dim],
    bounds: Sequence[tuple[Dim, Dim, int]],
) -> Tensor:
    """`x[start:limit:stride, ...]`; an axis that is only broadcast stays so."""
    x = lowerer.rank_padded(x, len(full_shape))
    kept = [
        (0, size, 1) if not same_dim(size, full) else bound
        for size, full, bound in zip(x.shape, full_shape, bounds, strict=True)
    ]
    if all(
        b == 0 and same_dim(e, n) and s == 1 for (b, e, s), n in zip(kept, x.shape, strict=True)
    ):
        return x
    shape = [
        -(-(limit - start) // stride) if stride > 1 else limit - start
        for start, limit, stride in kept
    ]
    if all(
        s == 1 and is_static(b) and (is_static(e) or same_dim(e, n))
        for (b, e, s), n in zip(kept, x.shape, strict=True)
    ):
        return _plain_slice(lowerer, x, kept, shape)
    return _strided_slice(lowerer, eqn, x, kept, shape)


def _plain_slice(
    lowerer: Lowerer, x: Tensor, bounds: Sequence[tuple[Dim, Dim, int]], shape: Sequence[Dim]
) -> Tensor:
    # A size of -1 means "up to the end", which is how a free dimension is kept or cropped in front.
    begin = lowerer.graph.ints(start for start, _, _ in bounds)
    size = lowerer.graph.ints(n if is_static(n) else -1 for n in shape)
    return lowerer.graph.add("SLICE", [x, begin, size], shape)


def _strided_slice(
    lowerer: Lowerer,
    eqn: Any,
    x: Tensor,
    bounds: Sequence[tuple[Dim, Dim, int]],
    shape: Sequence[Dim],
) -> Tensor:
    begins, ends, strides, end_mask = [], [], [], 0
    for axis, ((start, limit, stride), dim) in enumerate(zip(bounds, x.shape, strict=True)):
        begins.append(_from_either_end(lowerer, eqn, start, dim))
        strides.append(int(stride))
        if same_dim(limit, dim):
            end_mask |= 1 << axis
            ends.append(0)
        else:
            ends.append(_from_either_end(lowerer, eqn, limit, dim))
    vectors = [lowerer.graph.ints(values) for values in (begins, ends, strides)]
    return lowerer.graph.add("STRIDED_SLICE", [x, *vectors], shape, begin_mask=0, end_mask=end_mask)


def _from_either_end(lowerer: Lowerer, eqn: Any, position: Dim, dim: Dim) -> int:
    """A position as a number: counted from the start, or negative from the end of a free axis."""
    if is_static(position):
        return int(position)
    behind = position - dim
    if is_static(behind) and behind < 0:
        return int(behind)
    raise lowerer.refuse(
        eqn,
        f"a slice bound at a fixed distance from an end, not {position}",
        "Give that axis a size.",
    )


@lowers("dynamic_slice")
def lower_dynamic_slice(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """SLICE from starts that are clamped so that the slice fits, as JAX defines it."""
    x, *starts = inputs
    full_shape = eqn.invars[0].aval.shape
    sizes = eqn.params["slice_sizes"]
    whole = [same_dim(size, dim) for size, dim in zip(sizes, full_shape, strict=True)]
    if all(w or _is_fixed(s, d) for w, s, d in zip(whole, starts, full_shape, strict=True)):
        bounds = [
            (0, dim, 1) if w else _fixed_bounds(s, size, dim)
            for w, s, size, dim in zip(whole, starts, sizes, full_shape, strict=True)
        ]
        return slice_tensor(lowerer, eqn, x, full_shape, bounds)
    begin = [
        lowerer.graph.constant(np.int32(0)) if w else clipped(lowerer, s, dim - size)
        for w, s, size, dim in zip(whole, starts, sizes, full_shape, strict=True)
    ]
    x = lowerer.full(x, full_shape)
    lengths = lowerer.graph.ints(size if is_static(size) else -1 for size in sizes)
    return lowerer.graph.add("SLICE", [x, pack(lowerer, begin), lengths], sizes)


def _is_fixed(start: Tensor, dim: Dim) -> bool:
    """Whether the start is known while exporting, also after clamping: 0 fits whatever the size."""
    return start.data is not None and (is_static(dim) or int(start.data) <= 0)


def _fixed_bounds(start: Tensor, size: int, dim: Dim) -> tuple[int, int, int]:
    assert start.data is not None
    first = max(int(start.data), 0)
    if is_static(dim):
        first = min(first, dim - size)
    return first, first + size, 1


def pack(lowerer: Lowerer, scalars: Sequence[Tensor]) -> Tensor:
    """A vector of int32 scalars."""
    if all(s.data is not None for s in scalars):
        return lowerer.graph.ints(int(s.data) for s in scalars)  # type: ignore[arg-type]
    flat = [lowerer.reshape(s, ()) for s in scalars]
    count = len(flat)
    return lowerer.graph.add("PACK", flat, (count,), np.int32, values_count=count, axis=0)


@lowers("dynamic_update_slice")
def lower_dynamic_update_slice(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """DYNAMIC_UPDATE_SLICE at a start that is clamped so that the update fits."""
    x, update, *starts = inputs
    x = lowerer.full(x, eqn.invars[0].aval.shape)
    update = lowerer.full(update, eqn.invars[1].aval.shape)
    pairs = zip(update.shape, x.shape, starts, strict=True)
    begin = []
    for size, dim, start in pairs:
        if same_dim(size, dim):
            begin.append(lowerer.graph.constant(np.int32(0)))
        else:
            begin.append(clipped(lowerer, start, dim - size))
    return lowerer.graph.add("DYNAMIC_UPDATE_SLICE", [x, update, pack(lowerer, begin)], x.shape)
