"""dot_general: FULLY_CONNECTED where one side is a constant matrix, BATCH_MATMUL otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..graph import Tensor
from ..symbolic import Dim, size
from .elementwise import check_dtype
from .lowerer import Lowerer
from .registry import lowers


@dataclass(frozen=True)
class _Side:
    """An operand of dot_general with the roles of its axes."""

    tensor: Tensor
    batch: tuple[int, ...]
    contract: tuple[int, ...]

    @property
    def free(self) -> tuple[int, ...]:
        taken = (*self.batch, *self.contract)
        return tuple(axis for axis in range(self.tensor.rank) if axis not in taken)

    def dims(self, axes: Sequence[int]) -> list[Dim]:
        return [self.tensor.shape[axis] for axis in axes]


@lowers("dot_general")
def lower_dot_general(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """Result axes: batch, free axes of the left side, free axes of the right side."""
    check_dtype(lowerer, eqn, inputs, (np.dtype(np.float32), np.dtype(np.int32)))
    (lc, rc), (lb, rb) = eqn.params["dimension_numbers"]
    left, right = (
        _Side(lowerer.full(x, var.aval.shape), tuple(map(int, batch)), tuple(map(int, contract)))
        for x, var, batch, contract in zip(inputs, eqn.invars, (lb, rb), (lc, rc), strict=True)
    )
    if left.tensor.dtype == np.int32:
        return _integer_product(lowerer, left, right)
    if not left.batch and right.tensor.data is not None:
        return _fully_connected(lowerer, left, right)
    if not left.batch and left.tensor.data is not None:
        # x @ w instead of w @ x, then the free axes of w go in front again.
        swapped = _fully_connected(lowerer, right, left)
        moved, kept = len(right.free), len(left.free)
        return lowerer.transpose(swapped, [*range(moved, moved + kept), *range(moved)])
    return _batch_matmul(lowerer, left, right)


def _fully_connected(lowerer: Lowerer, x: _Side, weights: _Side) -> Tensor:
    """`x @ weights.T` for constant weights of shape [out, in]."""
    columns = size(weights.dims(weights.contract))
    matrix = lowerer.transpose(weights.tensor, [*weights.free, *weights.contract])
    units = size(weights.dims(weights.free))
    matrix = lowerer.reshape(matrix, (units, columns))
    rows = lowerer.transpose(x.tensor, [*x.free, *x.contract])
    lead = x.dims(x.free)
    batch = lead or [1]
    rows = lowerer.reshape(rows, [*batch, columns])
    y = lowerer.graph.add(
        "FULLY_CONNECTED",
        [rows, matrix, None],
        [*batch, units],
        fused_activation_function="NONE",
        keep_num_dims=len(batch) > 1,
    )
    return lowerer.reshape(y, [*lead, *weights.dims(weights.free)])


def _integer_product(lowerer: Lowerer, left: _Side, right: _Side) -> Tensor:
    """Sum of products, for no kernel multiplies matrices of int32."""
    x = lowerer.transpose(left.tensor, [*left.batch, *left.free, *left.contract])
    y = lowerer.transpose(right.tensor, [*right.batch, *right.free, *right.contract])
    batch, rows, columns = left.dims(left.batch), left.dims(left.free), right.dims(right.free)
    inner = [size(left.dims(left.contract))]
    x = lowerer.reshape(x, [*batch, *rows, *[1] * len(columns), *inner])
    y = lowerer.reshape(y, [*batch, *[1] * len(rows), *columns, *inner])
    shape = [*batch, *rows, *columns]
    product = lowerer.graph.add("MUL", [x, y], [*shape, *inner])
    axis = lowerer.graph.ints([len(shape)])
    return lowerer.graph.add("SUM", [product, axis], shape, keep_dims=False)


def _batch_matmul(lowerer: Lowerer, left: _Side, right: _Side) -> Tensor:
    batch = left.dims(left.batch)
    inner = size(left.dims(left.contract))
    rows, columns = size(left.dims(left.free)), size(right.dims(right.free))
    adj_x = _is_transposed(left)
    adj_y = not _is_transposed(right)
    x = _as_matrices(
        lowerer, left, [*batch, inner, rows] if adj_x else [*batch, rows, inner], adj_x
    )
    y = _as_matrices(
        lowerer, right, [*batch, columns, inner] if adj_y else [*batch, inner, columns], not adj_y
    )
    out = lowerer.graph.add(
        "BATCH_MATMUL", [x, y], [*batch, rows, columns], adj_x=adj_x, adj_y=adj_y
    )
    return lowerer.reshape(out, [*batch, *left.dims(left.free), *right.dims(right.free)])


def _is_transposed(side: _Side) -> bool:
    """Whether the contracted axes come before the free ones, so that no TRANSPOSE is needed."""
    wanted = (*side.batch, *side.contract, *side.free)
    return wanted == tuple(range(side.tensor.rank)) and bool(side.free) and bool(side.contract)


def _as_matrices(
    lowerer: Lowerer, side: _Side, shape: Sequence[Dim], contract_first: bool
) -> Tensor:
    tail = [*side.contract, *side.free] if contract_first else [*side.free, *side.contract]
    return lowerer.reshape(lowerer.transpose(side.tensor, [*side.batch, *tail]), shape)
