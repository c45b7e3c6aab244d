"""What each operator of a quantised graph loses, measured in LiteRT tensor by tensor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..flatbuffer_writer import write_model
from ..graph import Graph, Op, Tensor
from ..interpreter import Interpreter, without_delegates
from ..subgraphs import Signature, tensor_numbers
from ..trace import Traced
from .decibels import TOP, snr
from .kernels import KERNELS, Scales, values_read
from .running import run_real

_ROWS = 8  # examples to compare layer by layer


@dataclass(frozen=True)
class LayerError:
    """What one operator's result lost.

    Args:
        place: layer path and line.
        kind: the operator.
        snr: signal-to-noise ratio of its result, in dB.
        own: the same for what it adds to the noise of its inputs; the smaller, the worse.
        is_float: whether it runs on floats.
    """

    place: str
    kind: str
    snr: float
    own: float
    is_float: bool

    def __str__(self) -> str:
        return f"{self.snr:6.1f} dB  own {self.own:6.1f} dB  {self.kind} ({self.place})"


def layer_errors(
    reference: Graph, graph: Graph, pairs: Sequence[tuple[Tensor, Tensor]], sample: list[np.ndarray]
) -> tuple[LayerError, ...]:
    """Compare every operator's result in two files.

    Args:
        reference: the float graph.
        graph: the quantised one.
        pairs: tensors that stand for each other.
        sample: inputs to compare on.

    Returns:
        One entry for each pair whose values the runtime keeps.
    """
    exact = _values(reference, [a for a, _ in pairs], sample)
    rounded = _values(graph, [b for _, b in pairs], sample)
    ratios: dict[Tensor, float] = {}
    found: dict[Tensor, LayerError] = {}
    for (tensor, new), want, got in zip(pairs, exact, rounded, strict=True):
        if want is None or got is None:
            continue
        op = _producer(tensor)
        ratios[tensor] = snr(want, got)
        before = [ratios[t] for t in op.inputs if t is not None and t in ratios]
        own = _added(ratios[tensor], min(before, default=TOP))
        maker = _maker(tensor)
        if maker in found:  # a slice loses nothing, but may show what its source had lost
            worse = found[maker]
            found[maker] = replace(worse, own=min(worse.own, own))
            own = TOP
        plain = np.issubdtype(new.dtype, np.floating) and not _reads_int8(_producer(new))
        found[tensor] = LayerError(op.where, op.kind, ratios[tensor], own, bool(plain))
    return tuple(found.values())


def _maker(tensor: Tensor) -> Tensor | None:
    """The tensor whose elements another one holds in part or in another order."""
    source: Tensor | None = None
    op = tensor.producer
    while op is not None and op.kind in KERNELS and KERNELS[op.kind].scales is Scales.INPUT:
        source = values_read(op)[0]
        op = source.producer
    return source


def _producer(tensor: Tensor) -> Op:
    assert tensor.producer is not None
    return tensor.producer


def _reads_int8(op: Op) -> bool:
    return any(t is not None and t.quantisation is not None for t in op.inputs)


def _added(after: float, before: float) -> float:
    """The ratio that an operator would have alone, if noises add up."""
    noise = 10.0 ** (-after / 10.0) - 10.0 ** (-before / 10.0)
    return TOP if noise <= 10.0 ** (-TOP / 10.0) else float(-10.0 * np.log10(noise))


def _values(
    graph: Graph, tensors: Sequence[Tensor], sample: list[np.ndarray]
) -> list[np.ndarray | None]:
    names = [str(number) for number in range(len(graph.inputs) + len(graph.outputs))]
    split = len(graph.inputs)
    content = write_model([Signature("compare", graph, names[:split], names[split:])]).joined
    interpreter = Interpreter(model_content=content, **without_delegates())
    run_real(interpreter, sample)
    numbers = tensor_numbers(graph)
    values: list[np.ndarray | None] = []
    for tensor in tensors:
        q = tensor.quantisation
        try:
            value = interpreter.get_tensor(numbers[tensor])
        except ValueError:  # what a loop hands from round to round has no memory of its own
            values.append(None)
        else:
            values.append(value if q is None else q.dequantise(value))
    return values


def few_rows(sample: list[np.ndarray], traced: Traced) -> list[np.ndarray]:
    """A sample cut to a few examples where the batch is free."""
    first = traced.inputs[0].shape[:1]
    if not first or isinstance(first[0], int):
        return sample
    return [
        array[:_ROWS] if leaf.shape and str(leaf.shape[0]) == str(first[0]) else array
        for array, leaf in zip(sample, traced.inputs, strict=True)
    ]
