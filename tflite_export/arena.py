"""How much working memory a model needs on a microcontroller, where nothing may be allocated later.

Activations share an arena: each has its place for as long as an operator still reads it. As TFLM's
planner does it, the largest are placed first, each as low as those that live at the same time
allow. Beside them TFLM keeps a record of each tensor and operator.

Source: the documentation of TensorFlow Lite Micro's memory management; its constants measured with
tflite-micro 0.dev20261023182759 on a 64-bit machine, where records are larger than on a device.
"""

from __future__ import annotations

from dataclasses import dataclass

from .model_info import ModelInfo, SubgraphInfo

_ALIGNMENT = 16
_FIXED = 768
_PER_TENSOR, _PER_OPERATOR, _PER_END = 24, 128, 64  # an end is an input or output
_PER_CHANNEL = 16  # multiplier and shift of each channel of a quantised operator
_PLANNING_TENSOR, _PLANNING_BUFFER, _PLANNING = 40, 80, 128  # only while planning


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
    buffers = [_buffers(graph) for graph in info.subgraphs]
    # A graph inside of an operator runs while the values of the outer one live.
    activations = sum(_plan(found) for found in buffers)
    records = _FIXED + sum(_records(graph) for graph in info.subgraphs)
    tensors = sum(len(graph.tensors) for graph in info.subgraphs)
    count = sum(len(found) for found in buffers)
    planning = _PLANNING + _PLANNING_TENSOR * tensors + _PLANNING_BUFFER * count
    return Arena(activations, records, _aligned(max(activations, planning) + records))


def _aligned(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT


def _buffers(graph: SubgraphInfo) -> list[_Buffer]:
    """The activations with the operators from and to which they live, and scratch memory."""
    end = len(graph.operators)
    first = dict.fromkeys(graph.inputs, 0)
    last = dict.fromkeys(graph.inputs, 0)
    found = []
    for op in graph.operators:
        for number in op.outputs:
            first.setdefault(number, op.index)
            last[number] = op.index
        for number in op.inputs:
            last[number] = op.index
        scratch = _scratch(graph, op.name, op.inputs, op.outputs)
        if scratch:
            found.append(_Buffer(_aligned(scratch), op.index, op.index))
    last.update(dict.fromkeys(graph.outputs, end))
    for number, start in first.items():
        tensor = graph.tensors[number]
        if number >= 0 and not tensor.is_constant:
            found.append(_Buffer(_aligned(tensor.bytes), start, last[number]))
    return found


def _scratch(
    graph: SubgraphInfo, name: str, inputs: tuple[int, ...], outputs: tuple[int, ...]
) -> int:
    """Memory that a kernel needs while it runs: sums of 32 bits, or a turned matrix."""
    if name == "TRANSPOSE_CONV":
        out = graph.tensors[outputs[0]]
        return 4 * out.bytes if out.dtype in ("int8", "int16") else 0
    if name == "BATCH_MATMUL":
        return sum(graph.tensors[number].bytes for number in inputs if number >= 0)
    return 0


def _plan(buffers: list[_Buffer]) -> int:
    """Bytes up to which the placed buffers reach."""
    placed: list[tuple[int, _Buffer]] = []
    for buffer in sorted(buffers, key=lambda b: -b.size):
        start = 0
        for offset, other in sorted(placed, key=lambda item: item[0]):
            together = buffer.first <= other.last and other.first <= buffer.last
            if together and offset < start + buffer.size and start < offset + other.size:
                start = offset + other.size
        placed.append((start, buffer))
    return max((start + buffer.size for start, buffer in placed), default=0)


def _records(graph: SubgraphInfo) -> int:
    channels = sum(
        tensor.quantisation.scale.size
        for tensor in graph.tensors
        if tensor.quantisation is not None and tensor.is_constant
    )
    return (
        _PER_TENSOR * len(graph.tensors)
        + _PER_OPERATOR * len(graph.operators)
        + _PER_END * (len(graph.inputs) + len(graph.outputs))
        + _PER_CHANNEL * channels
    )
