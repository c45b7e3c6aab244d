"""x.at[index].set / add / multiply / min / max: DYNAMIC_UPDATE_SLICE, SCATTER_ND, or a search.

SCATTER_ND adds what meets in one place, in one operator. Everything else asks for each place which
updates meet it: a table of places by updates, on which any reduction works.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jax.lax import GatherScatterMode

from ..graph import Tensor
from ..symbolic import Dim, is_static, same_dim, size
from .elementwise import binary, check_dtype, scalar, select
from .gather import coordinate
from .indexing import cell_numbers, clipped, counting, within
from .lowerer import Lowerer
from .registry import lowers
from .shape import value_range
from .slicing import pack, slice_tensor

_NUMBERS = (np.dtype(np.float32), np.dtype(np.int32))
_SETTABLE = (*_NUMBERS, np.dtype(np.bool_))

_JOINS = {
    "scatter": "",
    "scatter-add": "ADD",
    "scatter_add": "ADD",
    "scatter-sub": "SUB",
    "scatter_sub": "SUB",
    "scatter-mul": "MUL",
    "scatter_mul": "MUL",
    "scatter-min": "MINIMUM",
    "scatter_min": "MINIMUM",
    "scatter-max": "MAXIMUM",
    "scatter_max": "MAXIMUM",
}
_REDUCTIONS = {
    "ADD": "SUM",
    "SUB": "SUM",
    "MUL": "REDUCE_PROD",
    "MINIMUM": "REDUCE_MIN",
    "MAXIMUM": "REDUCE_MAX",
}


@dataclass(frozen=True)
class _Scatter:
    """The parameters of a scatter equation, and its operands written out."""

    x: Tensor
    indices: Tensor
    updates: Tensor
    join: str  # operator of old and new value, "" to replace
    axes: tuple[int, ...]
    batch: tuple[int, ...]
    index_batch: tuple[int, ...]
    inserted: tuple[int, ...]  # indexed axes that the updates lack
    window: tuple[int, ...]  # axes of the updates that are a window of the operand
    mode: GatherScatterMode

    def window_sizes(self) -> list[Dim]:
        """Size of the window on each axis of the operand."""
        own = iter(self.window)
        gone = (*self.inserted, *self.batch)
        return [1 if axis in gone else self.updates.shape[next(own)] for axis in range(self.x.rank)]


@lowers(*_JOINS)
def lower_scatter(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """Change some elements, those out of range as the mode says: dropped, or clipped."""
    x, indices, updates = (
        lowerer.full(t, var.aval.shape) for t, var in zip(inputs, eqn.invars, strict=True)
    )
    join = _JOINS[eqn.primitive.name]
    if not join and not _replaces(eqn.params["update_jaxpr"]):
        raise lowerer.refuse(
            eqn, "elements that are replaced", "Write x.at[i].set(f(x[i])) instead of apply(f)."
        )
    check_dtype(lowerer, eqn, [x], _NUMBERS if join else _SETTABLE)
    numbers = eqn.params["dimension_numbers"]
    scatter = _Scatter(
        x,
        indices,
        updates,
        join,
        tuple(numbers.scatter_dims_to_operand_dims),
        tuple(numbers.operand_batching_dims),
        tuple(numbers.scatter_indices_batching_dims),
        tuple(numbers.inserted_window_dims),
        tuple(numbers.update_window_dims),
        GatherScatterMode.from_any(eqn.params["mode"]),
    )
    if indices.rank == 1:
        return _one_window(lowerer, eqn, scatter)
    return _many_places(lowerer, eqn, scatter)


def _replaces(update: Any) -> bool:
    """Whether the new value is the update itself, not a function of the old one."""
    return update is None or update.outvars[0] is update.invars[1]


def _one_window(lowerer: Lowerer, eqn: Any, s: _Scatter) -> Tensor:
    """One window: cut it out, join, and put it back."""
    sizes = s.window_sizes()
    last = [dim - n for dim, n in zip(s.x.shape, sizes, strict=True)]
    starts = [coordinate(lowerer, s.indices, number) for number in range(len(s.axes))]
    tops = [last[axis] for axis in s.axes]
    valid = None if _in_place(s, starts, tops) else within(lowerer, starts, tops)
    begin = [lowerer.dim(0)] * s.x.rank
    for axis, start, top in zip(s.axes, starts, tops, strict=True):
        begin[axis] = clipped(lowerer, start, top)
    new = lowerer.reshape(s.updates, sizes)
    if s.join or valid is not None:
        old = _cut(lowerer, eqn, s.x, begin, sizes)
        if s.join:
            new = binary(lowerer, s.join, old, new)
        if valid is not None:
            new = select(lowerer, valid, new, old)
    if all(same_dim(dim, n) for dim, n in zip(s.x.shape, sizes, strict=True)):
        return new
    return lowerer.graph.add("DYNAMIC_UPDATE_SLICE", [s.x, new, pack(lowerer, begin)], s.x.shape)


def _in_place(s: _Scatter, starts: Sequence[Tensor], tops: Sequence[Dim]) -> bool:
    """Whether no position needs a check: constants within, or a mode that clips or promises."""
    if s.mode in (GatherScatterMode.CLIP, GatherScatterMode.PROMISE_IN_BOUNDS):
        return True
    return all(
        start.data is not None
        and int(start.data) >= 0
        and (int(start.data) <= top if is_static(top) else int(start.data) == 0)
        for start, top in zip(starts, tops, strict=True)
    )


def _cut(
    lowerer: Lowerer, eqn: Any, x: Tensor, begin: Sequence[Tensor], sizes: Sequence[Dim]
) -> Tensor:
    if all(b.data is not None for b in begin):
        first = [int(b.data) for b in begin if b.data is not None]
        bounds = [(b, b + n, 1) for b, n in zip(first, sizes, strict=True)]
        return slice_tensor(lowerer, eqn, x, x.shape, bounds)
    lengths = lowerer.graph.ints(n if is_static(n) else -1 for n in sizes)
    return lowerer.graph.add("SLICE", [x, pack(lowerer, begin), lengths], sizes)


def _many_places(lowerer: Lowerer, eqn: Any, s: _Scatter) -> Tensor:
    """Bring all operands to [batch, places, window] and [batch, updates, window]."""
    sizes = s.window_sizes()
    rest = [a for a in range(s.x.rank) if a not in (*s.batch, *s.axes)]
    if not all(same_dim(sizes[a], s.x.shape[a]) for a in rest) or not all(
        same_dim(sizes[a], 1) for a in s.axes
    ):
        raise lowerer.refuse(
            eqn, "updates of single places or whole rows", "Write a Python loop over the windows."
        )
    order = [*s.batch, *s.axes, *rest]
    moved = lowerer.transpose(s.x, order)
    lead, count = len(s.batch), len(s.axes)
    batch, lengths = moved.shape[:lead], moved.shape[lead : lead + count]
    window = [s.x.shape[a] for a in rest]
    old = lowerer.reshape(moved, [*batch, size(lengths), size(window)])
    cells, valid = _cells(lowerer, s, lengths)
    new = _updates(lowerer, s, cells.shape, size(window))
    if s.join in ("ADD", "SUB") and not lead:
        result = _add_all(lowerer, s, old, cells, valid, new)
    else:
        result = _by_table(lowerer, s, old, cells, valid, new)
    back = [order.index(axis) for axis in range(s.x.rank)]
    return lowerer.transpose(lowerer.reshape(result, moved.shape), back)


def _cells(lowerer: Lowerer, s: _Scatter, lengths: Sequence[Dim]) -> tuple[Tensor, Tensor | None]:
    """The place of each update, [batch, updates], and whether it is one (None: surely)."""
    rank = s.indices.rank
    others = [a for a in range(rank - 1) if a not in s.index_batch]
    indices = lowerer.transpose(s.indices, [*s.index_batch, *others, rank - 1])
    lead = indices.shape[: len(s.batch)]
    rows = size(indices.shape[len(s.batch) : -1])
    indices = lowerer.reshape(indices, (*lead, rows, len(s.axes)))
    starts = [coordinate(lowerer, indices, number) for number in range(len(s.axes))]
    last = [length - 1 for length in lengths]
    valid = None
    if s.mode == GatherScatterMode.FILL_OR_DROP:
        valid = within(lowerer, starts, last)
    if s.mode != GatherScatterMode.PROMISE_IN_BOUNDS:
        starts = [clipped(lowerer, p, top) for p, top in zip(starts, last, strict=True)]
    return cell_numbers(lowerer, starts, lengths, [1] * len(starts)), valid


def _updates(lowerer: Lowerer, s: _Scatter, lead: Sequence[Dim], width: Dim) -> Tensor:
    """The updates as [batch, updates, window], with the batch axes in front."""
    outer = [a for a in range(s.updates.rank) if a not in s.window]
    # Axis k of the indices (but the last one) is the k-th outer axis of the updates.
    batch = [outer[a] for a in s.index_batch]
    order = [*batch, *(a for a in outer if a not in batch), *s.window]
    return lowerer.reshape(lowerer.transpose(s.updates, order), (*lead, width))


def _add_all(
    lowerer: Lowerer, s: _Scatter, old: Tensor, cells: Tensor, valid: Tensor | None, new: Tensor
) -> Tensor:
    if valid is not None:
        column = lowerer.reshape(valid, (*valid.shape, 1))
        new = select(lowerer, column, new, scalar(lowerer, 0, new))
    places = lowerer.reshape(cells, (*cells.shape, 1))
    shape = lowerer.graph.add("shape_vector", [], (2,), np.int32, dims=old.shape)
    total = lowerer.graph.add("SCATTER_ND", [places, new, shape], old.shape, new.dtype)
    return binary(lowerer, s.join, old, total)


def _by_table(
    lowerer: Lowerer, s: _Scatter, old: Tensor, cells: Tensor, valid: Tensor | None, new: Tensor
) -> Tensor:
    """Which update meets which place, [batch, updates, places]; then a reduction of updates."""
    if valid is not None:
        cells = select(lowerer, valid, cells, scalar(lowerer, -1, cells))
    places = counting(lowerer, old.shape[-2])
    column = lowerer.reshape(cells, (*cells.shape, 1))
    meets = binary(lowerer, "EQUAL", column, places, np.bool_)
    axis = lowerer.graph.ints([cells.rank - 1])
    if not s.join:
        return _replace(lowerer, s, old, meets, new, axis)
    lowest, highest = value_range(old.dtype)
    neutral = {"MUL": 1, "MINIMUM": highest, "MAXIMUM": lowest}.get(s.join, 0)
    meets = lowerer.reshape(meets, (*meets.shape, 1))
    spread = lowerer.reshape(new, (*new.shape[:-1], 1, new.shape[-1]))
    each = select(lowerer, meets, spread, scalar(lowerer, neutral, new))
    shape = (*each.shape[: cells.rank - 1], *each.shape[cells.rank :])
    joined = lowerer.graph.add(_REDUCTIONS[s.join], [each, axis], shape, keep_dims=False)
    return binary(lowerer, s.join, old, joined)


def _replace(
    lowerer: Lowerer, s: _Scatter, old: Tensor, meets: Tensor, new: Tensor, axis: Tensor
) -> Tensor:
    """The last update that meets a place wins, as on JAX's CPU; none leaves it as it is."""
    rows = new.shape[-2]
    numbers = lowerer.reshape(counting(lowerer, rows), (rows, 1))
    numbers = binary(lowerer, "ADD", numbers, lowerer.dim(1))
    shape = (*meets.shape[:-2], meets.shape[-1])
    winner = select(lowerer, meets, numbers, lowerer.dim(0))
    winner = lowerer.graph.add("REDUCE_MAX", [winner, axis], shape, keep_dims=False)
    hit = binary(lowerer, "GREATER", winner, lowerer.dim(0), np.bool_)
    row = clipped(lowerer, binary(lowerer, "SUB", winner, lowerer.dim(1)), rows - 1)
    lead = new.rank - 2
    taken = lowerer.graph.add(
        "GATHER", [new, row], (*row.shape, new.shape[-1]), axis=lead, batch_dims=lead
    )
    return select(lowerer, lowerer.reshape(hit, (*hit.shape, 1)), taken, old)
