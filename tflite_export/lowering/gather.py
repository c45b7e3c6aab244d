"""gather: embeddings, indexing with arrays, and indexing with constants, which is slicing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.lax import GatherScatterMode

from ..graph import Tensor
from ..symbolic import Dim, is_static, same_dim
from .elementwise import binary, select
from .indexing import cell_numbers, clipped, within
from .lowerer import Lowerer
from .registry import lowers
from .slicing import pack, slice_tensor


@dataclass(frozen=True)
class _Gather:
    """The parameters of a gather equation."""

    axes: tuple[int, ...]  # indexed axes, in the order of the index vectors
    batch: tuple[int, ...]  # axes of the operand that go along with axes of the indices
    index_batch: tuple[int, ...]
    collapsed: tuple[int, ...]
    sizes: tuple[Dim, ...]
    offsets: tuple[int, ...]  # axes of the result that come from the window
    mode: GatherScatterMode
    fill: Any  # value out of range, where the mode fills

    @staticmethod
    def of(eqn: Any) -> _Gather:
        p = eqn.params
        numbers, mode = p["dimension_numbers"], p["mode"]
        return _Gather(
            tuple(numbers.start_index_map),
            tuple(numbers.operand_batching_dims),
            tuple(numbers.start_indices_batching_dims),
            tuple(numbers.collapsed_slice_dims),
            tuple(p["slice_sizes"]),
            tuple(numbers.offset_dims),
            mode,
            _fill_value(p["fill_value"], eqn.outvars[0].aval.dtype),
        )

    def fills(self) -> bool:
        """Whether places out of range read as something else."""
        return self.mode == GatherScatterMode.FILL_OR_DROP

    def promised(self) -> bool:
        """Whether no place is out of range."""
        return self.mode == GatherScatterMode.PROMISE_IN_BOUNDS


def _fill_value(given: Any, dtype: Any) -> Any:
    """JAX's own fill values are NaN, True, the least signed and the largest unsigned integer."""
    if given is not None:
        return given
    if jnp.issubdtype(dtype, jnp.inexact):
        return np.nan
    if dtype == np.bool_:
        return True
    limits = jnp.iinfo(dtype)
    return limits.min if jnp.issubdtype(dtype, jnp.signedinteger) else limits.max


@lowers("gather")
def lower_gather(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """A slice, one GATHER, or a GATHER from several axes merged into one.

    Indices that may be out of range are clipped by operators of their own, or what they read is
    replaced, as the mode says; `promise_in_bounds` is taken at its word on one axis, where the
    kernel reports an error. On several axes, where it could not tell, such indices are clipped, as
    XLA does.
    """
    x, indices = inputs
    gather = _Gather.of(eqn)
    indices = lowerer.full(indices, eqn.invars[1].aval.shape)
    if indices.dtype != np.int32:
        indices = lowerer.graph.add("CAST", [indices], indices.shape, np.int32)
    if indices.rank == 1 and indices.data is not None:
        return _fixed_position(lowerer, eqn, x, indices)
    x = lowerer.full(x, eqn.invars[0].aval.shape)
    steps = _regular_slice(lowerer, eqn, gather, x, indices)
    if steps is not None:
        return steps
    if indices.rank == 1 and not gather.fills():
        return _one_window(lowerer, gather, x, indices)
    if _is_plain(gather, x):
        return _along_axis(lowerer, gather, x, indices)
    return _arranged(lowerer, gather, *_gathered(lowerer, eqn, gather, x, indices))


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


def _one_window(lowerer: Lowerer, gather: _Gather, x: Tensor, indices: Tensor) -> Tensor:
    """SLICE from one start that is known only while running."""
    starts = [lowerer.graph.constant(np.int32(0))] * x.rank
    for number, axis in enumerate(gather.axes):
        start = coordinate(lowerer, indices, number)
        last = x.shape[axis] - gather.sizes[axis]
        starts[axis] = clipped(lowerer, start, last)
    lengths = lowerer.graph.ints(size if is_static(size) else -1 for size in gather.sizes)
    y = lowerer.graph.add("SLICE", [x, pack(lowerer, starts), lengths], gather.sizes)
    kept = [dim for axis, dim in enumerate(y.shape) if axis not in gather.collapsed]
    return lowerer.reshape(y, kept)


def _regular_slice(
    lowerer: Lowerer, eqn: Any, gather: _Gather, x: Tensor, indices: Tensor
) -> Tensor | None:
    """Constant indices such as 1, 3, 5 on one axis, which are a slice with a step."""
    data = indices.data
    if data is None or data.ndim != 2 or data.shape[1] != 1 or gather.batch:
        return None
    (axis,) = gather.axes
    length, positions = x.shape[axis], data[:, 0]
    others = [a for a in range(x.rank) if a != axis]
    whole = all(same_dim(gather.sizes[a], x.shape[a]) for a in others)
    if not is_static(length) or axis not in gather.collapsed or not whole:
        return None
    steps = set(np.diff(positions).tolist()) or {1}
    step = steps.pop()
    if steps or step <= 0 or positions[0] < 0 or positions[-1] >= length:
        return None
    taken = (int(positions[0]), int(positions[-1]) + 1, step)
    bounds = [taken if a == axis else (0, dim, 1) for a, dim in enumerate(x.shape)]
    y = slice_tensor(lowerer, eqn, x, x.shape, bounds)
    return _arranged(lowerer, gather, y, others)


def _is_plain(gather: _Gather, x: Tensor) -> bool:
    """Whether single places on one axis are taken."""
    if len(gather.axes) != 1 or gather.batch:
        return False
    (axis,) = gather.axes
    others = [a for a in range(x.rank) if a != axis]
    whole = all(same_dim(gather.sizes[a], x.shape[a]) for a in others)
    return whole and axis in gather.collapsed and same_dim(gather.sizes[axis], 1)


def _along_axis(lowerer: Lowerer, gather: _Gather, x: Tensor, indices: Tensor) -> Tensor:
    """GATHER where the axis is, which leaves the others in their places."""
    (axis,) = gather.axes
    places = lowerer.reshape(indices, indices.shape[:-1])
    shape = (*x.shape[:axis], *places.shape, *x.shape[axis + 1 :])
    inside = places
    if not gather.promised() and not _is_embedding(gather, x):
        inside = clipped(lowerer, places, x.shape[axis] - 1)
    y = lowerer.graph.add("GATHER", [x, inside], shape, x.dtype, axis=axis, batch_dims=0)
    if gather.fills() and inside is not places:
        valid = binary(lowerer, "EQUAL", places, inside, np.bool_)
        valid = lowerer.reshape(valid, (*places.shape, *[1] * (x.rank - axis - 1)))
        y = select(lowerer, valid, y, _filling(lowerer, gather, y))
    spread = range(axis, axis + places.rank)
    return _arranged(lowerer, gather, y, [a for a in range(y.rank) if a not in spread])


def _is_embedding(gather: _Gather, x: Tensor) -> bool:
    """Whether rows of a constant table are taken, which would be clipped: by ids, not by positions.

    Ids out of range are a mistake that the kernel reports; checks would triple the operators.
    """
    constant = x.data is not None and x.rank == 2 and gather.axes == (0,)
    return constant and gather.mode == GatherScatterMode.CLIP


def _filling(lowerer: Lowerer, gather: _Gather, like: Tensor) -> Tensor:
    """The fill value; that of an unsigned integer by its bits."""
    value = np.asarray(gather.fill)
    if value.dtype.kind in "iu" and like.dtype == np.int32:
        value = value.astype(np.int64).astype(np.int32)
    return lowerer.graph.constant(value.astype(like.dtype))


def _gathered(
    lowerer: Lowerer, eqn: Any, gather: _Gather, x: Tensor, indices: Tensor
) -> tuple[Tensor, list[int]]:
    """The windows, and which axes of the result they are.

    Axes of the result: those of batches, those of the indices, windows on indexed axes, the rest.
    """
    lead = len(gather.batch)
    x = _unindexed_windows(lowerer, eqn, gather, x)
    rest = [a for a in range(x.rank) if a not in (*gather.batch, *gather.axes)]
    x = lowerer.transpose(x, [*gather.batch, *gather.axes, *rest])
    count = len(gather.axes)
    lengths = x.shape[lead : lead + count]
    spread = [gather.sizes[a] for a in gather.axes]
    last = [n - size for n, size in zip(lengths, spread, strict=True)]
    indices = lowerer.transpose(indices, _batch_first(gather, indices.rank))
    starts = [coordinate(lowerer, indices, number) for number in range(count)]
    checks = count > 1 or any(not same_dim(size, 1) for size in spread)
    valid = None
    if gather.fills():
        valid = within(lowerer, starts, last)
    if checks or valid is not None or not gather.promised():
        starts = [clipped(lowerer, s, top) for s, top in zip(starts, last, strict=True)]
    cells = cell_numbers(lowerer, starts, lengths, spread)
    y = _merged_gather(lowerer, x, cells, lead, count)
    if valid is not None:
        shape = (*valid.shape, *[1] * (y.rank - valid.rank))
        y = select(lowerer, lowerer.reshape(valid, shape), y, _filling(lowerer, gather, y))
    # Indexed axes keep a place in the result unless they are collapsed.
    window = [*(a for a in gather.axes if a not in gather.collapsed), *rest]
    dims = [gather.sizes[axis] for axis in window]
    y = lowerer.reshape(y, (*indices.shape[:-1], *dims))
    first = indices.rank - 1
    return y, [first + window.index(axis) for axis in sorted(window)]


def _merged_gather(lowerer: Lowerer, x: Tensor, cells: Tensor, lead: int, count: int) -> Tensor:
    """GATHER from the axes behind the batch, merged into one."""
    if count > 1:
        merged: Dim = 1
        for dim in x.shape[lead : lead + count]:
            merged = merged * dim
        x = lowerer.reshape(x, (*x.shape[:lead], merged, *x.shape[lead + count :]))
    shape = (*cells.shape, *x.shape[lead + 1 :])
    return lowerer.graph.add("GATHER", [x, cells], shape, x.dtype, axis=lead, batch_dims=lead)


def _unindexed_windows(lowerer: Lowerer, eqn: Any, gather: _Gather, x: Tensor) -> Tensor:
    """A window smaller than an axis that no index moves starts at 0."""
    fixed = (*gather.axes, *gather.batch)
    bounds = [
        (0, dim if axis in fixed else size, 1)
        for axis, (dim, size) in enumerate(zip(x.shape, gather.sizes, strict=True))
    ]
    return slice_tensor(lowerer, eqn, x, x.shape, bounds)


def _batch_first(gather: _Gather, rank: int) -> list[int]:
    others = [a for a in range(rank - 1) if a not in gather.index_batch]
    return [*gather.index_batch, *others, rank - 1]


def coordinate(lowerer: Lowerer, indices: Tensor, number: int) -> Tensor:
    """Component `number` of each index vector."""
    lead = indices.shape[:-1]
    if indices.data is not None:
        return lowerer.graph.constant(np.array(indices.data[..., number]))
    if same_dim(indices.shape[-1], 1):
        return lowerer.reshape(indices, lead)
    begin = lowerer.graph.ints([*[0] * len(lead), number])
    size = lowerer.graph.ints([*[-1] * len(lead), 1])
    part = lowerer.graph.add("SLICE", [indices, begin, size], (*lead, 1))
    return lowerer.reshape(part, lead)


def _arranged(lowerer: Lowerer, gather: _Gather, y: Tensor, window: Sequence[int]) -> Tensor:
    """`y` with its window axes at `offset_dims`, and the axes of the indices around them."""
    others = [axis for axis in range(y.rank) if axis not in window]
    # Batch axes of the indices were moved to the front: back to their places.
    places = _batch_first(gather, len(others) + 1)[:-1]
    in_order = [others[places.index(k)] for k in range(len(others))]
    rest = iter(in_order)
    offsets = list(gather.offsets)
    order = [window[offsets.index(a)] if a in offsets else next(rest) for a in range(y.rank)]
    return lowerer.transpose(y, order)
