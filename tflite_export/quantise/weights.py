"""Smaller weights under float arithmetic: `float16` and `dynamic`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable

import numpy as np

from ..graph import Graph, Op, Tensor
from ..quantisation import Quantisation, per_tensor
from .options import Quantise

# Axis of the output channels of operand 1.
CHANNEL_AXIS = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 0, "TRANSPOSE_CONV": 0}
_MIN_ELEMENTS = 1024  # smaller weights save nothing and cost accuracy
_INT8_MAX = 127
_FLOAT = np.dtype(np.float32)


def quantise_weights(graph: Graph, options: Quantise) -> None:
    """Store weights as float16 or int8; operators go on with float32 values.

    Args:
        graph: a legal graph, changed in place with the graphs inside its operators.
        options: mode and exceptions.
    """
    parts = graph.all_graphs()
    kept = options.kept(op for part in parts for op in part.ordered())
    change = _to_float16 if options.mode == "float16" else _to_int8
    for part in parts:
        _change(part, [op for op in part.ordered() if op not in kept], change)


def quantise_weights_of(graph: Graph, ops: Collection[Op]) -> None:
    """Store the weights of some float operators as int8, as "dynamic" does.

    Args:
        graph: a legal graph, changed in place.
        ops: operators of it.
    """
    _change(graph, ops, _to_int8)


def _change(graph: Graph, ops: Iterable[Op], change: Callable[[_Dequantised, Op], None]) -> None:
    dequantised = _Dequantised(graph)
    for op in ops:
        graph.where = op.where
        change(dequantised, op)
    graph.touched.clear()


class _Dequantised:
    """Constants of one graph behind a DEQUANTIZE; equal ones share it."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._known: dict[object, Tensor] = {}
        self._stored: dict[object, Tensor] = {}

    def int8(self, tensor: Tensor, axis: int | None) -> Tensor:
        """The int8 form of a constant, which all its readers share."""
        if (tensor, axis) not in self._stored:
            assert tensor.data is not None
            self._stored[tensor, axis] = int8_constant(tensor.data, axis)
        return self._stored[tensor, axis]

    def substitute(
        self, op: Op, position: int, axis: int, store: Callable[[np.ndarray, int], Tensor]
    ) -> None:
        """Let `op` read the float32 value of a smaller copy of one of its constants."""
        data = op.operand(position).data
        assert data is not None
        digest = hashlib.blake2b(np.ascontiguousarray(data).data, digest_size=16).digest()
        key = (digest, data.shape, axis)
        if key not in self._known:
            small = store(data, axis)
            self._known[key] = self.graph.add("DEQUANTIZE", [small], data.shape, _FLOAT)
        self.graph.set_input(op, position, self._known[key])


# float16.


def _to_float16(dequantised: _Dequantised, op: Op) -> None:
    weights = op.kind in CHANNEL_AXIS or op.kind in ("BATCH_MATMUL", "GATHER")
    for position, tensor in enumerate(op.inputs):
        if tensor is None or tensor.data is None or tensor.dtype != _FLOAT:
            continue
        # A number such as an epsilon must stay what it is.
        if (weights or tensor.data.size >= _MIN_ELEMENTS) and _fits_float16(tensor.data):
            dequantised.substitute(op, position, 0, _float16)


def _fits_float16(data: np.ndarray) -> bool:
    top = float(np.abs(data).max(initial=0.0))
    # Below that a half has fewer than ten bits even for the largest value.
    return top == 0.0 or 2.0**-14 <= top <= float(np.finfo(np.float16).max)


def _float16(data: np.ndarray, axis: int) -> Tensor:
    return Tensor(data.shape, np.dtype(np.float16), data.astype(np.float16))


# Dynamic range.


def _to_int8(dequantised: _Dequantised, op: Op) -> None:
    graph = dequantised.graph
    if op.kind in CHANNEL_AXIS and _is_large(op.operand(1)):
        axis = CHANNEL_AXIS[op.kind]
        if not _has_hybrid_kernel(op):
            # XNNPACK takes no hybrid kernel of these, but does take weights to dequantise.
            dequantised.substitute(op, 1, axis, int8_constant)
            return
        graph.set_input(op, 1, dequantised.int8(op.operand(1), axis))
        if op.kind == "FULLY_CONNECTED":
            op.options["asymmetric_quantize_inputs"] = True
    elif op.kind == "GATHER" and _is_large(op.operand(0)):
        _quantise_table(graph, op, dequantised.int8(op.operand(0), None))
    elif op.kind == "BATCH_MATMUL":
        for position in (0, 1):
            if _is_large(op.operand(position)):
                axis = matrix_free_axis(op, position)
                dequantised.substitute(op, position, axis, int8_constant)


def _is_large(tensor: Tensor) -> bool:
    data = tensor.data
    return (
        data is not None
        and tensor.dtype == _FLOAT
        and data.size >= _MIN_ELEMENTS
        and bool(np.isfinite(data).all())
    )


def _has_hybrid_kernel(op: Op) -> bool:
    if op.kind == "CONV_2D":
        return bool(op.operand(1).shape[3] == op.operand(0).shape[3])  # without groups
    return op.kind == "FULLY_CONNECTED"


def _quantise_table(graph: Graph, op: Op, table: Tensor) -> None:
    """Look up int8 rows, and dequantise only these."""
    rows = graph.add("GATHER", [table, op.operand(1)], op.out.shape, np.int8, **op.options)
    rows.quantisation = table.quantisation
    graph.replace(op.out, graph.add("DEQUANTIZE", [rows], op.out.shape, _FLOAT))


def matrix_free_axis(op: Op, position: int) -> int:
    """The axis of a BATCH_MATMUL operand that is not summed over."""
    rank = op.operand(position).rank
    adjoint = bool(op.options["adj_y" if position else "adj_x"])
    return rank - 1 if adjoint != bool(position) else rank - 2


def int8_constant(data: np.ndarray, axis: int | None) -> Tensor:
    """An int8 tensor with zero point 0, and a scale for each index of `axis` or one for all.

    Args:
        data: finite float32 weights.
        axis: the axis of output channels; None for one scale.

    Returns:
        The constant.
    """
    q = weight_quantisation(data, axis)
    return Tensor(data.shape, np.dtype(np.int8), q.quantise(data, np.int8), quantisation=q)


def weight_quantisation(data: np.ndarray, axis: int | None) -> Quantisation:
    """Symmetric parameters: the largest magnitude is 127; zeros alone get a scale too."""
    if axis is None:
        top = float(np.abs(data).max(initial=0.0))
        return per_tensor(top / _INT8_MAX if top else 1.0, 0)
    others = tuple(a for a in range(data.ndim) if a != axis)
    tops = np.abs(data).max(axis=others).astype(np.float64)
    smallest = tops[tops > 0].min(initial=np.inf)
    tops[tops == 0] = smallest if np.isfinite(smallest) else _INT8_MAX
    # Smaller scales are no normal float32 numbers, which kernels divide by.
    scale = np.maximum(tops / _INT8_MAX, np.finfo(np.float32).tiny).astype(np.float32)
    return Quantisation(scale, np.zeros(scale.size, np.int64), axis)
