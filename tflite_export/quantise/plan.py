"""Decides which operators run on integers, and with which scales."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

import numpy as np

from ..graph import Graph, Op, Tensor
from ..quantisation import Quantisation
from .inner_plans import InnerPlans, inner_plans
from .kernels import (
    KERNELS,
    LIGHT,
    LINEAR,
    Scales,
    fixed_quantisation,
    has_kernel,
    is_float,
    values_read,
)
from .ranges import Range
from .tensor_ranges import constant_range

_PRODUCTS = (*LINEAR, "MUL", "BATCH_MATMUL")
_LARGEST_RATIO = 256.0  # XNNPACK takes no more
_SOFTMAX_STEP = 2.0**-26  # kernels abort from here on
_FEW_STEPS = 8.0  # probabilities of a thousand classes may all be 0 in steps of 1/256


class Plan:
    """The operators that run on integers, and the parameters of the tensors between them.

    Args:
        graph: a legal graph.
        ranges: range of each tensor that is known, in the graphs inside operators too.
        kept: operators that shall stay float, there too.
        dtype: int8 or int16.
        floats: operators that are left in float for the sake of a loop's states.
        states: inputs of a loop's body that come as float.
    """

    def __init__(
        self,
        graph: Graph,
        ranges: Mapping[Tensor, Range],
        kept: set[Op],
        dtype: np.dtype,
        floats: Collection[Op] = (),
        states: Collection[Tensor] = (),
    ) -> None:
        self.graph = graph
        self.ranges = ranges
        self.kept = kept
        self.dtype = dtype
        self._floats, self._states = floats, states
        self._parameters: dict[Tensor, Quantisation] = {}
        self.inner: dict[Op, InnerPlans] = {}
        self.chosen: set[Op] = set()
        self._choose()

    def assign(
        self,
        inputs: Mapping[Tensor, Quantisation] | None = None,
        outputs: Mapping[Tensor, Quantisation] | None = None,
    ) -> Plan:
        """Find the parameters of all tensors.

        Args:
            inputs: those of the graph's inputs that are given.
            outputs: those wanted of its outputs, which they have where their operators allow it.

        Returns:
            This plan.
        """
        self._parameters.update(inputs or {})
        for tensor, q in (outputs or {}).items():
            if self._is_free(tensor):
                self._parameters.setdefault(tensor, q)
        for op in self.graph.ordered():
            if op in self.chosen:
                self._assign(op)
            elif op in self.inner:
                self._parameters.update(self.inner[op].assign(self))
        return self

    def is_integer(self, tensor: Tensor) -> bool:
        """Whether an operator makes or reads a tensor as integers."""
        return self.makes(tensor) or any(self._reads(op, tensor) for op in tensor.consumers)

    def parameters(self, tensor: Tensor) -> Quantisation | None:
        """How a tensor's values are stored, None if its range is unknown."""
        if tensor not in self._parameters:
            bounds = constant_range(tensor) or self.ranges.get(tensor)
            if bounds is None:
                return None
            self._parameters[tensor] = self.covering(bounds)
        return self._parameters[tensor]

    def read_parameters(self, op: Op, tensor: Tensor) -> Quantisation:
        """How an operator wants a value that it reads."""
        shared = KERNELS[op.kind].scales is Scales.COMMON
        q = self.parameters(op.out if shared else tensor)
        assert q is not None
        return q

    # Choice.

    def _choose(self) -> None:
        ops = self.graph.ordered()
        for op in ops:
            if op in self.kept or op in self._floats:
                continue
            if op.graphs:
                plans = inner_plans(self, op)
                if plans is not None:
                    self.inner[op] = plans
            elif has_kernel(op, self.dtype) and self._is_known(op):
                self.chosen.add(op)
        for op in reversed(ops):
            if op in self.chosen and self._is_pointless(op):
                self.chosen.discard(op)

    def _is_pointless(self, op: Op) -> bool:
        """Whether nothing is won by integers: only float operators read what is easily computed."""
        if any(self._reads(reader, out) for out in op.outputs for reader in out.consumers):
            return False
        if any(out in self.graph.outputs for out in op.outputs):
            return False
        lonely = not any(self.makes(tensor) for tensor in values_read(op))
        return op.kind in LIGHT or (lonely and op.kind not in LINEAR)

    def _is_known(self, op: Op) -> bool:
        read = values_read(op)
        if not all(constant_range(t) or t in self.ranges for t in read):
            return False
        if KERNELS[op.kind].scales is Scales.INPUT:
            # Elements that come as float are moved as float.
            source = read[0]
            return self.makes(source) or (source.producer is None and source not in self._states)
        if KERNELS[op.kind].scales is Scales.FIXED:
            return self._suits_fixed_scale(op)
        written = [out for out in op.outputs if is_float(out)]
        return all(out in self.ranges for out in written) and self._is_in_proportion(op)

    def _suits_fixed_scale(self, op: Op) -> bool:
        """Whether results reach some steps of the scale that the kernel demands."""
        if op.kind in ("SOFTMAX", "LOG_SOFTMAX") and self._step(op.operand(0)) <= _SOFTMAX_STEP:
            return False
        bounds = self.ranges.get(op.out)
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
        bounds = constant_range(tensor) or self.ranges[tensor]
        return float(self.covering(bounds).scale[0])

    def makes(self, tensor: Tensor) -> bool:
        """Whether an operator makes a tensor as integers."""
        op = tensor.producer
        if op is None or op not in self.inner:
            return op in self.chosen
        return tensor in self.inner[op].written

    def _reads(self, op: Op, tensor: Tensor) -> bool:
        return op in self.chosen or (op in self.inner and tensor in self.inner[op].read)

    # Parameters.

    def covering(self, bounds: Range) -> Quantisation:
        """The parameters for a range."""
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
        if op.out not in self._parameters:
            bounds: Range | None = None
            for tensor in values_read(op):
                own = constant_range(tensor) or self.ranges.get(tensor)
                bounds = own if bounds is None or own is None else bounds.union(own)
            assert bounds is not None
            self._parameters[op.out] = self.covering(bounds)
        for tensor in values_read(op):
            self.adopt(tensor, self._parameters[op.out])

    def _is_free(self, tensor: Tensor) -> bool:
        """Whether an operator can compute a tensor in parameters that others want."""
        op = tensor.producer
        return op in self.chosen and KERNELS[op.kind].scales in (Scales.OWN, Scales.COMMON)

    def adopt(self, tensor: Tensor, q: Quantisation) -> None:
        """Let a tensor that is read only once be computed in these parameters, where it can be."""
        producer = tensor.producer
        if producer not in self.chosen or producer is None or self.graph.uses(tensor) != 1:
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
                self.adopt(source, q)

    def _can_adopt(self, tensor: Tensor) -> bool:
        producer = tensor.producer
        if producer not in self.chosen or producer is None or self.graph.uses(tensor) != 1:
            return False
        scales = KERNELS[producer.kind].scales
        if scales is Scales.INPUT:
            return len(producer.outputs) == 1 and self._can_adopt(values_read(producer)[0])
        return scales in (Scales.OWN, Scales.COMMON)
