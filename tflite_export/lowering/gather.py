"""gather: embeddings, indexing with arrays, and indexing with constants, which is slicing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..graph import Tensor
from ..symbolic import same_dim
from .lowerer import Lowerer
from .registry import lowers
from .slicing import slice_tensor


@lowers("gather")
def lower_gather(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """One GATHER or GATHER_ND.

    JAX clips indices out of range, fills with NaN, or leaves the result undefined; LiteRT's kernels
    report an error. So one op serves all modes: it never gives other numbers than JAX.
    """
    x, indices = inputs
    numbers = eqn.params["dimension_numbers"]
    indices = lowerer.full(indices, eqn.invars[1].aval.shape)
    if indices.dtype != np.int32:
        indices = lowerer.graph.add("CAST", [indices], indices.shape, np.int32)
    if _is_one_position(indices):
        return _fixed_position(lowerer, eqn, x, indices)
    x = lowerer.full(x, eqn.invars[0].aval.shape)
    if len(numbers.start_index_map) == 1:
        return _gather(lowerer, eqn, x, indices)
    return _gather_nd(lowerer, eqn, x, indices)


def _is_one_position(indices: Tensor) -> bool:
    return indices.data is not None and indices.rank == 1


def _fixed_position(lowerer: Lowerer, eqn: Any, x: Tensor, indices: Tensor) -> Tensor:
    """`x[:, 3]`, `x[..., -1:]`: a slice, and a reshape for axes that are indexed away."""
    numbers, sizes = eqn.params["dimension_numbers"], eqn.params["slice_sizes"]
    shape = eqn.invars[0].aval.shape
    assert indices.data is not None
    starts: dict[int, int] = {}
    for axis, start in zip(numbers.start_index_map, indices.data.tolist(), strict=True):
        last = shape[axis] - sizes[axis]
        if start < 0 or (isinstance(last, int) and start > last):
            raise lowerer.refuse(
                eqn, f"an index within the axis, not {start}", "Correct the index."
            )
        starts[axis] = start
    bounds = [
        (starts.get(axis, 0), starts.get(axis, 0) + size, 1) for axis, size in enumerate(sizes)
    ]
    y = slice_tensor(lowerer, eqn, x, shape, bounds)
    gone = numbers.collapsed_slice_dims
    return lowerer.reshape(y, [dim for axis, dim in enumerate(y.shape) if axis not in gone])


def _gather(lowerer: Lowerer, eqn: Any, x: Tensor, indices: Tensor) -> Tensor:
    numbers, sizes = eqn.params["dimension_numbers"], eqn.params["slice_sizes"]
    (axis,) = numbers.start_index_map
    batch = tuple(numbers.operand_batching_dims)
    leading = tuple(range(len(batch)))
    whole = all(
        same_dim(s, d)
        for a, (s, d) in enumerate(zip(sizes, x.shape, strict=True))
        if a != axis and a not in batch
    )
    if (
        sizes[axis] != 1
        or not whole
        or batch != leading
        or tuple(numbers.start_indices_batching_dims) != leading
        or axis < len(batch)
    ):
        raise _refused(lowerer, eqn)
    indices = lowerer.reshape(indices, indices.shape[:-1])
    collapsed = axis in numbers.collapsed_slice_dims
    step = _regular_step(indices, x.shape[axis]) if collapsed and not batch else None
    if step is not None and indices.data is not None:
        first, stop = int(indices.data[0]), int(indices.data[-1]) + 1
        bounds = [(first, stop, step) if a == axis else (0, d, 1) for a, d in enumerate(x.shape)]
        y = slice_tensor(lowerer, eqn, x, x.shape, bounds)
        return _arranged(lowerer, eqn, y, [a for a in range(y.rank) if a != axis])
    out = (*x.shape[:axis], *indices.shape[len(batch) :], *x.shape[axis + 1 :])
    y = lowerer.graph.add("GATHER", [x, indices], out, x.dtype, axis=axis, batch_dims=len(batch))
    # GATHER has put the index axes where the indexed axis was; JAX may want them elsewhere.
    spread = indices.rank - len(batch)
    if not collapsed:
        y = lowerer.reshape(y, (*out[: axis + spread], 1, *out[axis + spread :]))
    window = [a for a in range(y.rank) if a < axis or a >= axis + spread]
    return _arranged(lowerer, eqn, y, [a for a in window if a >= len(batch)])


def _regular_step(indices: Tensor, length: Any) -> int | None:
    """The step of constant indices such as 1, 3, 5 within the axis, which are a slice."""
    data = indices.data
    if data is None or data.ndim != 1 or not isinstance(length, int):
        return None
    steps = set(np.diff(data).tolist()) or {1}
    step = steps.pop()
    inside = data[0] >= 0 and data[-1] < length
    return step if inside and not steps and step > 0 else None


def _gather_nd(lowerer: Lowerer, eqn: Any, x: Tensor, indices: Tensor) -> Tensor:
    numbers, sizes = eqn.params["dimension_numbers"], eqn.params["slice_sizes"]
    axes = tuple(numbers.start_index_map)
    count = len(axes)
    rest = list(zip(sizes, x.shape, strict=True))[count:]
    if (
        axes != tuple(range(count))
        or tuple(numbers.collapsed_slice_dims) != axes
        or numbers.operand_batching_dims
        or not all(same_dim(size, dim) for size, dim in rest)
    ):
        raise _refused(lowerer, eqn)
    lead = indices.shape[:-1]
    y = lowerer.graph.add("GATHER_ND", [x, indices], (*lead, *x.shape[count:]), x.dtype)
    return _arranged(lowerer, eqn, y, list(range(len(lead), y.rank)))


def _arranged(lowerer: Lowerer, eqn: Any, y: Tensor, window: Sequence[int]) -> Tensor:
    """`y` with its window axes at `offset_dims`, and the axes of the indices around them."""
    offsets = list(eqn.params["dimension_numbers"].offset_dims)
    others = iter([axis for axis in range(y.rank) if axis not in window])
    order = [window[offsets.index(a)] if a in offsets else next(others) for a in range(y.rank)]
    return lowerer.transpose(y, order)


def _refused(lowerer: Lowerer, eqn: Any) -> Exception:
    return lowerer.refuse(
        eqn,
        "an index array over one axis, or over the leading axes",
        "Use jnp.take(x, indices, axis=...), or jnp.take_along_axis over the last axis.",
    )
