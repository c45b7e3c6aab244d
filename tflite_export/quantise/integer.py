"""Rebuilds a graph with integer kernels, and conversions where float operators are left."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from ..graph import Graph, Op, Tensor
from ..quantisation import Quantisation, per_tensor
from .copying import copy_graph
from .inner_plans import InnerPlans
from .kernels import KERNELS, LINEAR, is_float
from .options import Quantise
from .plan import Plan
from .weights import CHANNEL_AXIS, int8_constant, quantise_weights, quantise_weights_of

_FLOAT = np.dtype(np.float32)
_UINT8 = np.dtype(np.uint8)
IoDtypes: TypeAlias = tuple[np.dtype, np.dtype]  # of inputs and of outputs
_BIAS_LIMIT = 2.0**30  # leaves room for what the kernel adds

# Kernels count limits in steps by int32, which such small ones overflow; nothing reaches them then.
_LOOSER = {"RELU6": "RELU", "RELU_N1_TO_1": "NONE"}
_LOOSER_FROM = 6.0


@dataclass(frozen=True)
class Rebuilt:
    """A graph on integers.

    Args:
        graph: the new graph.
        pairs: tensor of the float graph, and the new one that stands for it.
        kept: operators of the float graph that stay float.
    """

    graph: Graph
    pairs: list[tuple[Tensor, Tensor]]
    kept: list[Op]


def rebuild(source: Graph, plan: Plan, io_dtypes: IoDtypes) -> Rebuilt:
    """The graph that a plan describes.

    Args:
        source: the float graph, which is not changed.
        plan: which operators run on integers.
        io_dtypes: dtype of those inputs, and of those outputs, that are float32 in `source`.

    Returns:
        The new graph.
    """
    rebuilder = _Rebuilder(source, plan)
    rebuilder.add_io(io_dtypes)
    return Rebuilt(rebuilder.graph, rebuilder.pairs, rebuilder.kept)


class _Rebuilder:
    def __init__(self, source: Graph, plan: Plan) -> None:
        self._source, self._plan = source, plan
        self.graph = Graph()
        self.pairs: list[tuple[Tensor, Tensor]] = []
        self.kept: list[Op] = []
        self._floats: list[Op] = []  # as new ones
        self._plain: dict[Tensor, Tensor] = {}  # as in the source
        self._integer: dict[Tensor, dict[object, Tensor]] = {}  # by parameters, first one first
        self._linear: dict[object, tuple[Tensor, Tensor | None]] = {}

    def _add_operators(self) -> None:
        for op in self._source.ordered():
            self.graph.where = op.where
            if op in self._plan.chosen:
                self._add_integer(op)
            elif op in self._plan.inner:
                self._add_inner(op, self._plan.inner[op])
            else:
                self._add_plain(op)
                computes = any(is_float(t) for t in (*op.inputs, *op.outputs))
                self.kept += [op] if computes and op.kind != "SHAPE" else []
            results = (t for t in op.outputs if is_float(t))
            self.pairs += [
                (t, self._plain[t] if t in self._plain else self._stored(t)) for t in results
            ]

    # Inputs and outputs.

    def add_io(self, io_dtypes: IoDtypes) -> None:
        """Rebuild a whole function, whose float inputs and outputs have these dtypes."""
        read, written = io_dtypes
        for tensor in self._source.inputs:
            self._add_input(tensor, read)
        self._add_operators()
        self.graph.outputs = [self._output(tensor, written) for tensor in self._source.outputs]

    def add_inside(self, inputs: Sequence[bool], outputs: Sequence[Quantisation | None]) -> None:
        """Rebuild a graph inside an operator.

        Args:
            inputs: which of its inputs are integers.
            outputs: parameters of those outputs that are integers.
        """
        for tensor, integer in zip(self._source.inputs, inputs, strict=True):
            self._add_input(tensor, self._plan.dtype if integer else _FLOAT)
        self._add_operators()
        self.graph.outputs = [
            self._as_plain(tensor) if q is None else self._as_integer(tensor, q)
            for tensor, q in zip(self._source.outputs, outputs, strict=True)
        ]
        quantise_weights_of(self.graph, self._floats)

    def _add_input(self, tensor: Tensor, dtype: np.dtype) -> None:
        stored = dtype if is_float(tensor) else tensor.dtype
        new = self.graph.add_input(tensor.name, tensor.shape, stored)
        if stored == tensor.dtype:
            self._plain[tensor] = new
            return
        q = self._parameters(tensor)
        if stored == _UINT8:
            new.quantisation = _as_uint8(q)
            new = self._convert(new, "QUANTIZE", q)
        new.quantisation = q
        self._integer[tensor] = {q.key: new}

    def _output(self, tensor: Tensor, dtype: np.dtype) -> Tensor:
        if not is_float(tensor) or dtype == _FLOAT:
            out = self._as_plain(tensor)
        elif tensor in self._integer:
            out = self._stored(tensor)
        else:
            out = self._as_integer(tensor, self._parameters(tensor))
        if is_float(tensor) and dtype == _UINT8:
            assert out.quantisation is not None
            wide = self.graph.add("QUANTIZE", [out], out.shape, _UINT8)
            wide.quantisation = _as_uint8(out.quantisation)
            out = wide
        out.name = tensor.name
        return out

    # Operators.

    def _add_plain(self, op: Op) -> None:
        if op.kind == "SHAPE":  # reads no values
            source = op.operand(0)
            inputs: list[Tensor | None] = [self._plain.get(source) or self._stored(source)]
        else:
            inputs = [self._plain_or_none(t) for t in op.inputs]
        new = self._emit(op, inputs, _on_int8_weights(op.graphs))
        if op not in self._plan.kept:
            self._floats.append(new)

    def _add_inner(self, op: Op, inner: InnerPlans) -> None:
        """A loop or a branch some of whose values are integers."""
        rebuilders = [_Rebuilder(part.graph, part) for part in inner.plans]
        for part, graph in zip(rebuilders, op.graphs, strict=True):
            part.add_inside(inner.inputs, inner.results_of(graph))
            self.kept += part.kept
        values: list[Tensor | None] = [
            self._as_integer(t, q) if q is not None else self._as_plain(t)
            for t, q in zip(inner.values, inner.given, strict=True)
        ]
        choice = [self._as_plain(op.operand(0))] if op.kind == "IF" else []
        graphs = tuple(part.graph for part in rebuilders)
        self._emit(op, [*choice, *values], graphs, inner.written)

    def _add_integer(self, op: Op) -> None:
        if op.kind in LINEAR:
            inputs = self._linear_inputs(op)
        else:
            inputs = [
                self._as_integer(t, self._plan.read_parameters(op, t))
                if t is not None and is_float(t)
                else self._plain_or_none(t)
                for t in op.inputs
            ]
        self._emit(op, inputs, integers=[t for t in op.outputs if is_float(t)])

    def _emit(
        self,
        op: Op,
        inputs: Sequence[Tensor | None],
        graphs: tuple[Graph, ...] = (),
        integers: Collection[Tensor] = (),
    ) -> Op:
        outputs = []
        for tensor in op.outputs:
            new = Tensor(tensor.shape, tensor.dtype)
            if tensor in integers:
                q = self._parameters(tensor)
                new.dtype, new.quantisation = self._plan.dtype, q
                self._integer[tensor] = {q.key: new}
            else:
                self._plain[tensor] = new
            outputs.append(new)
        options = dict(op.options)
        if integers and op.kind in ("ADD", "SUB") and self._plan.dtype == np.int16:
            options["pot_scale_int16"] = False
        kind, result = op.kind, outputs[0].quantisation
        if integers and result is not None and result.scale[0] * 2.0**31 <= _LOOSER_FROM:
            fused = options.get("fused_activation_function")
            if fused in _LOOSER:
                options["fused_activation_function"] = _LOOSER[fused]
            kind = "RELU" if kind == "RELU6" else kind
        self.graph.add_many(kind, inputs, outputs, graphs, **options)
        return self.graph.touched[-1]

    def _linear_inputs(self, op: Op) -> list[Tensor | None]:
        """Values, int8 weights with a scale for each channel, and a bias in their product."""
        values, weights, bias = LINEAR[op.kind]
        x = self._as_integer(op.operand(values), self._parameters(op.operand(values)))
        assert x.quantisation is not None
        shift = op.inputs[bias] if bias < len(op.inputs) else None
        stored, offsets = self._weights_and_bias(
            op.operand(weights), shift, CHANNEL_AXIS[op.kind], x.quantisation
        )
        inputs = [None if is_float(t) else self._plain_or_none(t) for t in op.inputs]
        inputs[values], inputs[weights] = x, stored
        if offsets is not None:
            inputs[bias] = offsets
        return inputs

    def _weights_and_bias(
        self, weights: Tensor, bias: Tensor | None, axis: int, values: Quantisation
    ) -> tuple[Tensor, Tensor | None]:
        """Integer weights and bias, which steps of a loop written out share."""
        key = (weights, bias, axis, values.key)
        if key not in self._linear:
            kernel, shift = weights.data, None if bias is None else bias.data
            assert kernel is not None
            scale = float(values.scale[0])
            self._linear[key] = _weights_and_bias(kernel, shift, axis, scale, self._plan.dtype)
        return self._linear[key]

    # Forms of a value.

    def _parameters(self, tensor: Tensor) -> Quantisation:
        q = self._plan.parameters(tensor)
        assert q is not None, f"{tensor} has no range"
        return q

    def _stored(self, tensor: Tensor) -> Tensor:
        return next(iter(self._integer[tensor].values()))

    def _plain_or_none(self, tensor: Tensor | None) -> Tensor | None:
        return None if tensor is None else self._as_plain(tensor)

    def _as_plain(self, tensor: Tensor) -> Tensor:
        """The value in the dtype of the source."""
        if tensor not in self._plain:
            if tensor.data is not None or tensor.variable:
                copy = Tensor(tensor.shape, tensor.dtype, tensor.data, variable=tensor.variable)
                self._plain[tensor] = copy
            else:
                stored = self._stored(tensor)
                new = self.graph.add("DEQUANTIZE", [stored], tensor.shape, _FLOAT)
                self._plain[tensor] = new
        return self._plain[tensor]

    def _as_integer(self, tensor: Tensor, q: Quantisation) -> Tensor:
        """The value as integers with these parameters."""
        forms = self._integer.setdefault(tensor, {})
        if q.key not in forms:
            if tensor.data is not None:
                data = q.quantise(tensor.data, self._plan.dtype)
                forms[q.key] = Tensor(tensor.shape, self._plan.dtype, data, quantisation=q)
            else:
                source = self._stored(tensor) if forms else self._plain[tensor]
                forms[q.key] = self._convert(source, "QUANTIZE", q)
        return forms[q.key]

    def _convert(self, tensor: Tensor, kind: str, q: Quantisation) -> Tensor:
        new = self.graph.add(kind, [tensor], tensor.shape, self._plan.dtype)
        new.quantisation = q
        return new


def _on_int8_weights(graphs: tuple[Graph, ...]) -> tuple[Graph, ...]:
    """Copies of a loop's graphs, which stay float but for what large weights are stored as."""
    copies = tuple(copy_graph(graph)[0] for graph in graphs)
    for graph in copies:
        quantise_weights(graph, Quantise("dynamic"))
    return copies


def _as_uint8(q: Quantisation) -> Quantisation:
    return per_tensor(float(q.scale[0]), int(q.zero_point[0]) + 128)


def _weights_and_bias(
    kernel: np.ndarray, bias: np.ndarray | None, axis: int, input_scale: float, dtype: np.dtype
) -> tuple[Tensor, Tensor | None]:
    weights = int8_constant(kernel, axis)
    assert weights.quantisation is not None
    if bias is None:
        return weights, None
    scale = weights.quantisation.scale
    wide = np.dtype(np.int32 if dtype == np.int8 else np.int64)
    if dtype == np.int8:
        # A bias that int32 cannot hold in these steps needs larger ones.
        least = np.abs(bias.astype(np.float64)) / (_BIAS_LIMIT * input_scale)
        if (least > scale).any():
            raised = np.maximum(scale, least).astype(np.float32)
            q = Quantisation(raised, weights.quantisation.zero_point, axis)
            data = q.quantise(kernel, np.int8)
            weights, scale = Tensor(kernel.shape, weights.dtype, data, quantisation=q), raised
    product = (scale.astype(np.float64) * input_scale).astype(np.float32)
    q = Quantisation(product, np.zeros(product.size, np.int64), 0)
    return weights, Tensor(bias.shape, wide, q.quantise(bias, wide), quantisation=q)


assert set(CHANNEL_AXIS) == set(LINEAR) <= set(KERNELS)
