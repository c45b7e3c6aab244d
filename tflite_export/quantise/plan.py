"""Decides which operators run on integers, and with which scales."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from ..graph import Graph, Op, Origin, Tensor
from ..quantisation import Quantisation
from .kernels import KERNELS, LIGHT, LINEAR, Scales, fixed_quantisation, has_kernel, is_float
from .ranges import Range

# What these compute has the range of what they read, and the other way round.
_PERMUTING = ("RESHAPE", "SQUEEZE", "TRANSPOSE", "REVERSE_V2", "BROADCAST_TO")

_PRODUCTS = (*LINEAR, "MUL", "BATCH_MATMUL")
_LARGEST_RATIO = 256.0  # XNNPACK takes no more
_SOFTMAX_STEP = 2.0**-26  # kernels abort from here on
_FEW_STEPS = 8.0  # probabilities of a thousand classes may all be 0 in steps of 1/256


def ranges_of(graph: Graph, found: Mapping[Origin, Range]) -> dict[Tensor, Range]:
    """The range of each tensor that is known, also next to operators that only move elements.

    Args:
        graph: a legal graph.
        found: ranges from calibration.

    Returns:
        Ranges of float tensors that are no constants.
    """
    ops = graph.ordered()
    tensors = [*graph.inputs, *(out for op in ops for out in op.outputs)]
    known = {
        tensor: found[tensor.origin]
        for tensor in tensors
        if is_float(tensor) and tensor.origin is not None and tensor.origin in found
    }
    known.update((op.out, Range(0.0, 0.0)) for op in ops if op.kind == "ZEROS_LIKE")
    for op in reversed(ops):
        if op.kind in _PERMUTING and op.out in known and op.operand(0).data is None:
            known.setdefault(op.operand(0), known[op.out])
    for op in ops:
        if op.kind in _MONOTONOUS and op.operand(0) in known and not _reads_others(op):
            known.setdefault(op.out, _applied(op, known[op.operand(0)]))
        kernel = KERNELS.get(op.kind)
        if kernel is None or kernel.scales is not Scales.INPUT:
            continue
        read = values_read(op)
        if read and read[0] in known:
            for out in op.outputs:
                if is_float(out):
                    known.setdefault(out, known[read[0]])
    return known


def _elu(op: Op, x: np.ndarray) -> np.ndarray:
    return np.expm1(np.minimum(x, 0.0)) + np.maximum(x, 0.0)


def _leaky_relu(op: Op, x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0.0) + op.options["alpha"] * np.minimum(x, 0.0)


def _bounded(op: Op, x: np.ndarray) -> np.ndarray:
    limit = op.operand(1).data
    assert limit is not None
    return (np.maximum if op.kind == "MAXIMUM" else np.minimum)(x, limit.reshape(()))


# What rewrites put in between has no value of the function; these rise, or fall and rise, around 0.
_MONOTONOUS: dict[str, Callable[[Op, np.ndarray], np.ndarray]] = {
    "ELU": _elu,
    "LEAKY_RELU": _leaky_relu,
    "MAXIMUM": _bounded,
    "MINIMUM": _bounded,
}


def _reads_others(op: Op) -> bool:
    """Whether there is another operand than one number."""
    others = [] if len(op.inputs) == 1 else [op.operand(1).data]
    return any(data is None or data.size != 1 for data in others)


def _applied(op: Op, x: Range) -> Range:
    """The range of a function of one value."""
    middle = min(max(x.low, 0.0), x.high)
    values = _MONOTONOUS[op.kind](op, np.array([x.low, middle, x.high]))
    return Range(float(values.min()), float(values.max()))


def values_read(op: Op) -> list[Tensor]:
    """The float inputs of an operator, without weights and bias."""
    if op.kind in LINEAR:
        return [op.operand(LINEAR[op.kind][0])]
    return [tensor for tensor in op.inputs if tensor is not None and is_float(tensor)]


class Plan:
    """The operators that run on integers, and the parameters of the tensors between them.

    Args:
        graph: a legal graph.
        ranges: range of each tensor that is known.
        kept: operators that shall stay float.
        dtype: int8 or int16.
    """

    def __init__(
        self, graph: Graph, ranges: Mapping[Tensor, Range], kept: set[Op], dtype: np.dtype
    ) -> None:
        self._graph = graph
        self._ranges = ranges
        self.dtype = dtype
        self._parameters: dict[Tensor, Quantisation] = {}
        self.chosen = self._choose(kept)
        for op in graph.ordered():
            if op in self.chosen:
                self._assign(op)

    def parameters(self, tensor: Tensor) -> Quantisation | None:
        """How a tensor's values are stored, None if its range is unknown."""
        if tensor not in self._parameters:
            bounds = _constant_range(tensor) or self._ranges.get(tensor)
            if bounds is None:
                return None
            self._parameters[tensor] = self._covering(bounds)
        return self._parameters[tensor]

    def read_parameters(self, op: Op, tensor: Tensor) -> Quantisation:
        """How an operator wants a value that it reads."""
        shared = KERNELS[op.kind].scales is Scales.COMMON
        q = self.parameters(op.out if shared else tensor)
        assert q is not None
        return q

    # Choice.

    def _choose(self, kept: set[Op]) -> set[Op]:
        chosen: set[Op] = set()
        ops = self._graph.ordered()
        for op in ops:
            if op not in kept and has_kernel(op, self.dtype) and self._is_known(op, chosen):
                chosen.add(op)
        for op in reversed(ops):
            if op in chosen and self._is_pointless(op, chosen):
                chosen.discard(op)
        return chosen

    def _is_pointless(self, op: Op, chosen: set[Op]) -> bool:
        """Whether nothing is won by integers: only float operators read what is easily computed."""
        readers = [reader for out in op.outputs for reader in out.consumers]
        if chosen.intersection(readers) or any(out in self._graph.outputs for out in op.outputs):
            return False
        makers = [tensor.producer for tensor in values_read(op)]
        lonely = not any(maker in chosen for maker in makers)
        return op.kind in LIGHT or (lonely and op.kind not in LINEAR)

    def _is_known(self, op: Op, chosen: set[Op]) -> bool:
        read = values_read(op)
        if not all(_constant_range(t) or t in self._ranges for t in read):
            return False
        if KERNELS[op.kind].scales is Scales.INPUT:
            # Elements that come as float are moved as float.
            producer = read[0].producer
            return producer is None or producer in chosen
        if KERNELS[op.kind].scales is Scales.FIXED:
            return self._suits_fixed_scale(op)
        written = [out for out in op.outputs if is_float(out)]
        return all(out in self._ranges for out in written) and self._is_in_proportion(op)

    def _suits_fixed_scale(self, op: Op) -> bool:
        """Whether results reach some steps of the scale that the kernel demands."""
        if op.kind in ("SOFTMAX", "LOG_SOFTMAX") and self._step(op.operand(0)) <= _SOFTMAX_STEP:
            return False
        bounds = self._ranges.get(op.out)
        if bounds is None:
            return True
        step = float(fixed_quantisation(op.kind, self.dtype).scale[0])
        clipped = op.kind == "LOG_SOFTMAX" and bounds.low < -256.0 * step
        return not clipped and max(-bounds.low, bounds.high) >= _FEW_STEPS * step

    def _is_in_proportion(self, op: Op) -> bool:
        """Whether a step of what is computed is not many steps of the result."""
        if KERNELS[op.kind].scales is not Scales.OWN:
            return True
        steps = [self._step(tensor) for tensor in values_read(op)]
        if op.kind in LINEAR:
            weights = op.operand(LINEAR[op.kind][1]).data
            assert weights is not None
            steps.append(float(np.abs(weights).max(initial=0.0)) / 127.0)
        computed = math.prod(steps) if op.kind in _PRODUCTS else max(steps)
        return computed < _LARGEST_RATIO * self._step(op.out)

    def _step(self, tensor: Tensor) -> float:
        bounds = _constant_range(tensor) or self._ranges[tensor]
        return float(self._covering(bounds).scale[0])

    # Parameters.

    def _covering(self, bounds: Range) -> Quantisation:
        return bounds.int8() if self.dtype == np.int8 else bounds.int16()

    def _assign(self, op: Op) -> None:
        scales = KERNELS[op.kind].scales
        if scales is Scales.FIXED:
            self._parameters[op.out] = fixed_quantisation(op.kind, self.dtype)
        elif scales is Scales.INPUT:
            q = self.parameters(values_read(op)[0])
            assert q is not None
            self._parameters.update((out, q) for out in op.outputs if is_float(out))
        elif scales is Scales.COMMON:
            self._assign_common(op)

    def _assign_common(self, op: Op) -> None:
        """One set of parameters for all; what only this operator reads is computed in it."""
        bounds: Range | None = None
        for tensor in values_read(op):
            own = _constant_range(tensor) or self._ranges.get(tensor)
            bounds = own if bounds is None or own is None else bounds.union(own)
        assert bounds is not None
        q = self._covering(bounds)
        self._parameters[op.out] = q
        for tensor in values_read(op):
            self._adopt(tensor, q)

    def _adopt(self, tensor: Tensor, q: Quantisation) -> None:
        producer = tensor.producer
        if producer not in self.chosen or producer is None or self._graph.uses(tensor) != 1:
            return
        scales = KERNELS[producer.kind].scales
        if scales is Scales.OWN:
            self._parameters[tensor] = q
        elif scales is Scales.COMMON or (scales is Scales.INPUT and len(producer.outputs) == 1):
            sources = values_read(producer)
            if scales is Scales.INPUT and not self._can_adopt(sources[0]):
                return
            self._parameters[tensor] = q
            for source in sources:
                self._adopt(source, q)

    def _can_adopt(self, tensor: Tensor) -> bool:
        producer = tensor.producer
        if producer not in self.chosen or producer is None or self._graph.uses(tensor) != 1:
            return False
        scales = KERNELS[producer.kind].scales
        if scales is Scales.INPUT:
            return len(producer.outputs) == 1 and self._can_adopt(values_read(producer)[0])
        return scales in (Scales.OWN, Scales.COMMON)


def _constant_range(tensor: Tensor) -> Range | None:
    """The finite part of a constant's range: an infinity is stored as the last step."""
    if tensor.data is None:
        return None
    finite = tensor.data[np.isfinite(tensor.data)]
    return Range(float(finite.min(initial=0.0)), float(finite.max(initial=0.0)))
