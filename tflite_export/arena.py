"""How much working memory a model needs on a microcontroller, where nothing may be allocated later.

Activations share an arena: each has its place for as long as an operator still reads it. As TFLM's
planner does it, the largest are placed first, each as low as those that live at the same time
allow. Graphs inside of operators are planned together with those around them. Beside activations
TFLM keeps a record of each tensor and operator, and what kernels note down.

Source: the documentation of TensorFlow Lite Micro's memory management; its constants measured with
tflite-micro 0.dev20261023182759 on a 64-bit machine, where records are larger than on a device.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .model_info import ModelInfo, SubgraphInfo

_ALIGNMENT = 16
_FIXED, _PER_SUBGRAPH = 520, 64
_PER_TENSOR, _PER_OPERATOR, _PER_END = 24, 64, 64  # an end is an input or output
_PER_QUANTISED_END = 32
_CONVOLUTIONS = {"CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "FULLY_CONNECTED"}
# What kernels note down; convolutions add multiplier and shift of each channel.
_KERNEL = 96
_KERNELS = {
    **dict.fromkeys(_CONVOLUTIONS, 152),
    **dict.fromkeys(("MUL", "LOG_SOFTMAX", "LEAKY_RELU", "DEQUANTIZE", "QUANTIZE"), 64),
    **dict.fromkeys(("RESHAPE", "SPLIT", "SPLIT_V", "LOGISTIC", "TANH", "GATHER", "UNPACK"), 40),
    **dict.fromkeys(("SLICE", "SELECT_V2", "TRANSPOSE", "PACK", "BROADCAST_TO"), 24),
    "STRIDED_SLICE": 120,
    "ELU": 272,
}
_PER_CHANNEL = 8
_REDUCTIONS = {"MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN"}
_AXES = 32  # scratch memory for the numbers of axes
_SOFTMAX_TABLES = 2064  # of exponentials, for int16
_PLANNING, _PLANNING_TENSOR, _PLANNING_BUFFER = 256, 40, 32  # only while planning
_PREPARING, _PREPARING_CONVOLUTION = 480, 700  # the least that is needed then


@dataclass(frozen=True)
class Arena:
    """Working memory of a model, in bytes.

    Args:
        activations: the values between operators, placed in turn where others are done with.
        records: what the interpreter notes down for each tensor and operator.
        total: size to give the arena; enough on any device, somewhat more than needed on 32 bits.
    """

    activations: int
    records: int
    total: int


@dataclass(frozen=True)
class _Buffer:
    size: int
    first: int
    last: int


def estimate_arena(info: ModelInfo) -> Arena:
    """The working memory of a model, with free sizes taken as 1.

    Args:
        info: what `read_tflite` found.

    Returns:
        The estimate.

    Example:
        >>> import jax.numpy as jnp
        >>> from nnlib.tflite_export import TensorSpec, export_tflite
        >>> report = export_tflite(lambda x: jnp.tanh(jnp.exp(x)), TensorSpec((1, 8)))
        >>> report.arena.activations  # two of the three values at a time
        64
    """
    buffers = _Timeline(info).buffers()
    activations = _plan(buffers)
    records = _FIXED + sum(_records(graph) for graph in info.subgraphs) + _ends(info)
    tensors = sum(len(graph.tensors) for graph in info.subgraphs)
    planning = _PLANNING + _PLANNING_TENSOR * tensors + _PLANNING_BUFFER * len(buffers)
    kinds = {op.name for graph in info.subgraphs for op in graph.operators}
    least = _PREPARING_CONVOLUTION if kinds & _CONVOLUTIONS else _PREPARING
    return Arena(
        activations, records, _aligned(max(activations, planning, least) + _aligned(records))
    )


def _aligned(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT


class _Timeline:
    """When each tensor lives, counted in operators; those of inner graphs count where they run."""

    def __init__(self, info: ModelInfo) -> None:
        self._info = info
        self._now = 0
        self._first: dict[tuple[int, int], int] = {}
        self._last: dict[tuple[int, int], int] = {}
        self._scratch: list[_Buffer] = []
        self._run(0)

    def buffers(self) -> list[_Buffer]:
        """Activations in the order of the file, then scratch memory."""
        found = []
        for graph in self._info.subgraphs:
            for tensor in graph.tensors:
                key = graph.index, tensor.index
                if key in self._first and not tensor.is_constant:
                    size = _aligned(tensor.bytes)
                    found.append(_Buffer(size, self._first[key], self._last[key]))
        return found + self._scratch

    def _run(self, number: int) -> None:
        graph = self._info.subgraphs[number]
        self._touch(number, graph.inputs)
        for op in graph.operators:
            self._now += 1
            start = self._now
            for tensor in op.outputs:
                self._first.setdefault((number, tensor), start)
            for inner in op.subgraphs:
                self._run(inner)
            self._touch(number, (*op.inputs, *op.outputs))
            scratch = _scratch(graph, op.name, op.inputs, op.outputs)
            if scratch:
                self._scratch.append(_Buffer(_aligned(scratch), start, self._now))
        self._touch(number, graph.outputs)

    def _touch(self, number: int, tensors: Iterable[int]) -> None:
        for tensor in tensors:
            if tensor >= 0:
                self._first.setdefault((number, tensor), self._now)
                self._last[number, tensor] = self._now


def _scratch(
    graph: SubgraphInfo, name: str, inputs: tuple[int, ...], outputs: tuple[int, ...]
) -> int:
    """Memory that a kernel needs while it runs: sums of 32 bits, a turned matrix, or axes."""
    if name == "TRANSPOSE_CONV":
        out = graph.tensors[outputs[0]]
        return 4 * out.bytes if out.dtype in ("int8", "int16") else 0
    if name in _REDUCTIONS:
        out = graph.tensors[outputs[0]]
        return _AXES + (_aligned(4 * out.bytes) if out.dtype in ("int8", "int16") else 0)
    if name == "MIRROR_PAD":
        return _AXES
    if name == "BATCH_MATMUL":
        return sum(graph.tensors[number].bytes for number in inputs if number >= 0)
    return 0


def _plan(buffers: list[_Buffer]) -> int:
    """Bytes up to which the placed buffers reach; of equal ones the later come first."""
    placed: list[tuple[int, _Buffer]] = []
    later_first = buffers[::-1]
    for buffer in sorted(later_first, key=lambda b: -b.size):
        start = 0
        for offset, other in sorted(placed, key=lambda item: item[0]):
            together = buffer.first <= other.last and other.first <= buffer.last
            if together and offset < start + buffer.size and start < offset + other.size:
                start = offset + other.size
        placed.append((start, buffer))
    return max((start + buffer.size for start, buffer in placed), default=0)


def _records(graph: SubgraphInfo) -> int:
    kernels = 0
    for op in graph.operators:
        out = graph.tensors[op.outputs[0]]
        kernels += _KERNELS.get(op.name, _KERNEL)
        if op.name in _CONVOLUTIONS and (op.name != "FULLY_CONNECTED" or out.dtype != "float32"):
            kernels += _PER_CHANNEL * int(out.shape[-1] or 1)
        if op.name == "SOFTMAX" and out.dtype == "int16":
            kernels += _SOFTMAX_TABLES
    return (
        _PER_SUBGRAPH
        + _PER_TENSOR * len(graph.tensors)
        + _PER_OPERATOR * len(graph.operators)
        + kernels
    )


def _ends(info: ModelInfo) -> int:
    ends = (*info.inputs, *info.outputs)
    quantised = sum(end.quantisation is not None for end in ends)
    return _PER_END * len(ends) + _PER_QUANTISED_END * quantised
