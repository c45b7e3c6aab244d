"""What is in a .tflite file, as plain data: the result of `read_tflite`."""

from __future__ import annotations

import collections
import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .builtin_names import TYPE_BITS
from .metadata import Metadata
from .metadata_flatbuffer import ENTRY, read_metadata


@dataclass(frozen=True)
class QuantisationInfo:
    """How stored integers stand for real numbers: `real = scale * (stored - zero_point)`.

    Args:
        scale: one number, or one for each index of dimension `axis`.
        zero_point: as many integers.
        axis: the dimension that several scales belong to.
        minimum: smallest calibrated value, where the file tells it.
        maximum: largest calibrated value, where the file tells it.
        details: name of another scheme ("custom", "blockwise", "multi_axis"), None for this one.
    """

    scale: np.ndarray
    zero_point: np.ndarray
    axis: int = 0
    minimum: np.ndarray | None = None
    maximum: np.ndarray | None = None
    details: str | None = None

    @property
    def per_channel(self) -> bool:
        """Whether there is more than one scale."""
        return self.scale.size > 1


@dataclass(frozen=True)
class TensorInfo:
    """A tensor of a subgraph; a size of None is chosen by whoever runs the file.

    Args:
        index: its number in the subgraph.
        name: its name, "" if it has none.
        shape: sizes; None where the file leaves the size free.
        dtype: name of the type, such as "float32" or "int4".
        buffer: number of its buffer.
        data: its bytes where it is a constant, else None.
        quantisation: None for a tensor of plain numbers.
        variable: whether it keeps its value between runs.
        sparse: whether its data are stored sparsely.
    """

    index: int
    name: str
    shape: tuple[int | None, ...]
    dtype: str
    buffer: int
    data: np.ndarray | None = field(default=None, repr=False)
    quantisation: QuantisationInfo | None = None
    variable: bool = False
    sparse: bool = False

    @property
    def is_constant(self) -> bool:
        """Whether the file holds its value."""
        return self.data is not None

    @property
    def bytes(self) -> int:
        """Bytes of one value, with free sizes taken as 1; 0 for types of no fixed size."""
        if self.data is not None:
            return int(self.data.size)
        bits = TYPE_BITS.get(self.dtype, 0)
        return -(-math.prod(size or 1 for size in self.shape) * bits // 8)

    def values(self) -> np.ndarray | None:
        """The constant as an array of its shape, None where numpy has no such type."""
        if self.data is None or self.sparse or TYPE_BITS.get(self.dtype, 0) < 8:
            return None
        try:
            kind = np.dtype(self.dtype)
        except TypeError:
            return None
        return self.data.view(kind).reshape([size or 1 for size in self.shape])

    def describe(self) -> str:
        """Type and shape as text: `int8[1, ?, 3]`."""
        sizes = ", ".join("?" if size is None else str(size) for size in self.shape)
        return f"{self.dtype}[{sizes}]"


@dataclass(frozen=True)
class OperatorInfo:
    """An operator: its name, its tensors by number (-1 for one left out) and its options.

    Args:
        index: its number in the subgraph, which is the order of running.
        name: "CONV_2D" and the like, for custom operators the name in the file.
        version: version of the operator that it needs.
        inputs: numbers of the tensors it reads.
        outputs: numbers of the tensors it writes.
        options: its options by name, where the exporter knows them.
        subgraphs: numbers of the subgraphs that it runs.
        custom: whether it is no builtin operator.
    """

    index: int
    name: str
    version: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: dict[str, Any] = field(default_factory=dict)
    subgraphs: tuple[int, ...] = ()
    custom: bool = False


@dataclass(frozen=True)
class SubgraphInfo:
    """A graph of operators on tensors."""

    index: int
    name: str
    tensors: tuple[TensorInfo, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    operators: tuple[OperatorInfo, ...]

    def names_of(self, numbers: Sequence[int]) -> list[str]:
        """Names of tensors."""
        return [self.tensors[number].name for number in numbers]


@dataclass(frozen=True)
class SignatureInfo:
    """An entry point: names of inputs and outputs to tensor numbers of a subgraph."""

    key: str
    subgraph: int
    inputs: dict[str, int]
    outputs: dict[str, int]


@dataclass(frozen=True)
class ModelInfo:
    """What is in a .tflite file.

    Args:
        version: of the schema, 3.
        description: free text of the tool that wrote it.
        subgraphs: the graphs; the first is the main one.
        signatures: the entry points.
        metadata: entries by name, as bytes.
        size: bytes of the file.
        buffer_bytes: bytes of each buffer.
        associated_files: files packed behind the model, such as labels, by name.
    """

    version: int
    description: str
    subgraphs: tuple[SubgraphInfo, ...]
    signatures: tuple[SignatureInfo, ...]
    metadata: dict[str, np.ndarray] = field(repr=False)
    size: int
    buffer_bytes: tuple[int, ...] = field(repr=False)
    associated_files: dict[str, bytes] = field(default_factory=dict, repr=False)

    @property
    def main(self) -> SubgraphInfo:
        """The first subgraph."""
        return self.subgraphs[0]

    @property
    def ops(self) -> dict[str, int]:
        """How often each operator occurs, over all subgraphs."""
        names = collections.Counter(op.name for graph in self.subgraphs for op in graph.operators)
        return dict(sorted(names.items()))

    @property
    def inputs(self) -> tuple[TensorInfo, ...]:
        """The inputs of the main subgraph."""
        return tuple(self.main.tensors[number] for number in self.main.inputs)

    @property
    def outputs(self) -> tuple[TensorInfo, ...]:
        """The outputs of the main subgraph."""
        return tuple(self.main.tensors[number] for number in self.main.outputs)

    @property
    def described(self) -> Metadata | None:
        """Labels, normalisation and description of the main subgraph, None where there are none.

        Raises:
            CorruptModelError: that part of the file is damaged.
        """
        return next(iter(self.descriptions), None)

    @functools.cached_property
    def descriptions(self) -> tuple[Metadata, ...]:
        """Labels, normalisation and description of subgraphs, from the first one on.

        Raises:
            CorruptModelError: that part of the file is damaged.
        """
        entry = self.metadata.get(ENTRY)
        if entry is None:
            return ()
        names = [
            (graph.names_of(graph.inputs), graph.names_of(graph.outputs))
            for graph in self.subgraphs
        ]
        return read_metadata(entry, self.associated_files, names)

    @property
    def min_runtime_version(self) -> str | None:
        """The oldest TensorFlow Lite that runs the file, None if the file does not say."""
        entry = self.metadata.get("min_runtime_version")
        if entry is None:
            return None
        return bytes(entry[:64]).split(b"\0")[0].decode("ascii", "replace") or None
