"""Writes a graph as a .tflite flatbuffer.

Buffers start at multiples of 16 bytes, and equal ones are stored once.

Source: the TFL3 schema (see `schema_tables`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .file_content import FileContent, Part
from .flatbuffer_tables import TableBuilder, child
from .graph import Op, Tensor
from .op_versions import op_version
from .quantisation import Quantisation
from .runtime_versions import min_runtime_version
from .schema_tables import (
    ACTIVATIONS,
    BUILTIN_OPERATORS,
    FILE_IDENTIFIER,
    INNER_TYPES,
    MIRRORS,
    OPTION_TABLES,
    PADDINGS,
    SCHEMA_VERSION,
    STORED_TYPES,
    option_table_name,
)
from .subgraphs import Signature, Subgraph
from .symbolic import all_static, is_static

_ALIGNMENT = 16
_MIN_RUNTIME = "min_runtime_version"  # 16 bytes of text, as runtimes and tools expect
_DEPRECATED_CODE_LIMIT = 127  # older readers hold the operator number in one signed byte
_INNER_GRAPHS = {
    "WHILE": ("cond_subgraph_index", "body_subgraph_index"),
    "IF": ("then_subgraph_index", "else_subgraph_index"),
}
FLATBUFFER_LIMIT = 2_000_000_000  # bytes of constants; beyond them large ones go behind
_LARGE = 1 << 10  # bytes of a constant that goes behind
_ALL_TYPES = {**STORED_TYPES, **INNER_TYPES}
_SLACK = 1 << 16  # room for the tables, so that the builder need not grow and copy


def write_model(
    signatures: Sequence[Signature],
    description: str = "nnlib.tflite_export",
    metadata: Mapping[str, bytes] | None = None,
) -> FileContent:
    """Serialise legal graphs; equal constants are stored once for all of them.

    A flatbuffer ends at 2 GB. Constants of larger models follow behind it.

    Args:
        signatures: the functions, whose graphs consist of TFLite operators alone.
        description: free text in the file.
        metadata: entries by name, beside `min_runtime_version`, which every file has.

    Returns:
        The content of a .tflite file.
    """
    return _Writer(signatures, metadata or {}).write(description)


class _Writer:
    def __init__(self, signatures: Sequence[Signature], metadata: Mapping[str, bytes]) -> None:
        self.signatures = signatures
        # Those of signatures come first: a runtime without signatures runs subgraph 0.
        graphs = [signature.graph for signature in signatures]
        graphs += [inner for graph in graphs for inner in graph.all_graphs()[1:]]
        self.number = {graph: number for number, graph in enumerate(graphs)}
        self.subgraphs = [Subgraph(graph) for graph in self.number]
        self.tables = TableBuilder(0)
        self.quantisations: dict[Any, int] = {}
        self.buffers: list[np.ndarray] = []
        self.buffer_of: dict[Tensor, int] = {}
        self._assign_buffers()
        self.code_of = {kind: number for (kind, _), number in self._code_index().items()}
        self.metadata = self._metadata_buffers(metadata)
        self.offsets: dict[int, int] = {}  # by buffer number, of those behind the flatbuffer

    def write(self, description: str) -> FileContent:
        if sum(data.nbytes for data in self.buffers) <= FLATBUFFER_LIMIT:
            return FileContent([self._flatbuffer(description)])
        # Where the constants begin depends on the flatbuffer's length, but not the other way round.
        self.offsets, _ = self._behind(_ALIGNMENT)
        length = len(self._flatbuffer(description))
        self.offsets, parts = self._behind(length)
        return FileContent([self._flatbuffer(description), *parts])

    def _behind(self, begin: int) -> tuple[dict[int, int], list[Part]]:
        """Offsets and contents of large constants after the first `begin` bytes of a file."""
        offsets: dict[int, int] = {}
        parts: list[Part] = []
        for number, data in enumerate(self.buffers, 1):
            if data.nbytes >= _LARGE:
                gap = -begin % _ALIGNMENT
                offsets[number] = begin + gap
                parts += [bytes(gap), data.reshape(-1).view(np.uint8).data]
                begin += gap + data.nbytes
        return offsets, parts

    def _flatbuffer(self, description: str) -> bytes:
        inside = enumerate(self.buffers, 1)
        total = sum(data.nbytes for number, data in inside if number not in self.offsets)
        self.tables = TableBuilder(total + total // 64 + _SLACK)
        self.quantisations = {}
        buffers = self._buffers()
        subgraphs = self.tables.tables([self._subgraph(subgraph) for subgraph in self.subgraphs])
        signatures = self.tables.tables(
            [self._signature(signature) for signature in self.signatures]
        )
        codes = self._operator_codes()
        model = self.tables.table(
            ("Uint32", 0, SCHEMA_VERSION, 0),
            child(1, codes),
            child(2, subgraphs),
            child(3, self.tables.text(description)),
            child(4, buffers),
            child(6, self._metadata()),
            child(7, signatures),
        )
        return self.tables.finish(model, FILE_IDENTIFIER)

    # Tensors and buffers.

    def _assign_buffers(self) -> None:
        """Give equal constants one buffer. Buffer 0 is the empty one that activations name."""
        known: dict[tuple[int, bytes], int] = {}
        hashed: dict[int, int] = {}  # by identity, as inner graphs share arrays with outer ones
        for tensor in (t for subgraph in self.subgraphs for t in subgraph.tensors):
            if tensor.data is None:
                self.buffer_of[tensor] = 0
                continue
            if id(tensor.data) not in hashed:
                data = np.ascontiguousarray(tensor.data)
                key = (data.nbytes, _digest(data))
                if key not in known:
                    self.buffers.append(data)
                    known[key] = len(self.buffers)
                hashed[id(tensor.data)] = known[key]
            self.buffer_of[tensor] = hashed[id(tensor.data)]

    def _metadata_buffers(self, metadata: Mapping[str, bytes]) -> dict[str, int]:
        """Number of the buffer of each entry."""
        release = min_runtime_version(self._code_index()).encode()
        numbers = {}
        for name, data in {_MIN_RUNTIME: release.ljust(_ALIGNMENT, b"\0"), **metadata}.items():
            self.buffers.append(np.frombuffer(data, np.uint8))
            numbers[name] = len(self.buffers)
        return numbers

    def _metadata(self) -> int:
        entries = [
            self.tables.table(child(0, self.tables.text(name)), ("Uint32", 1, number, 0))
            for name, number in self.metadata.items()
        ]
        return self.tables.tables(entries)

    def _buffers(self) -> int:
        numbered = enumerate(self.buffers, 1)
        return self.tables.tables(
            [self.tables.table(), *(self._buffer(n, data) for n, data in numbered)]
        )

    def _buffer(self, number: int, data: np.ndarray) -> int:
        if number in self.offsets:
            size = ("Uint64", 2, data.nbytes, 0)
            return self.tables.table(("Uint64", 1, self.offsets[number], 0), size)
        return self.tables.table(child(0, self.tables.data(data, _ALIGNMENT)))

    def _tensor(self, tensor: Tensor) -> int:
        # A file states one size for a free dimension: 1, which is what a runtime starts with.
        shape = self.tables.ints([dim if is_static(dim) else 1 for dim in tensor.shape])
        fields = [
            child(0, shape),
            ("Int8", 1, _ALL_TYPES[tensor.dtype], 0),
            ("Uint32", 2, self.buffer_of[tensor], 0),
            ("Bool", 8, True, False),  # has_rank: an empty shape is a scalar, not unknown
        ]
        if tensor.variable:
            fields.append(("Bool", 5, True, False))
        if tensor.name:
            fields.append(child(3, self.tables.text(tensor.name)))
        if tensor.quantisation is not None:
            fields.append(child(4, self._quantisation(tensor.quantisation)))
        if not all_static(tensor.shape):
            free = self.tables.ints([dim if is_static(dim) else -1 for dim in tensor.shape])
            fields.append(child(7, free))
        return self.tables.table(*fields)

    def _quantisation(self, q: Quantisation) -> int:
        """A QuantizationParameters table; equal ones, and equal vectors of others, are shared."""
        if q.key not in self.quantisations:
            scale = self.tables.numbers(q.scale, "<f4")
            zero_point = self.tables.numbers(q.zero_point, "<i8")
            self.quantisations[q.key] = self.tables.table(
                child(2, scale), child(3, zero_point), ("Int32", 6, q.axis, 0)
            )
        return self.quantisations[q.key]

    # Operators.

    def _operator_codes(self) -> int:
        return self.tables.tables([self._operator_code(*key) for key in self._code_index()])

    def _code_index(self) -> dict[tuple[str, int], int]:
        """Index of each (operator, version); one version of an operator serves all its uses."""
        versions: dict[str, int] = {}
        for op in (op for subgraph in self.subgraphs for op in subgraph.ops):
            versions[op.kind] = max(versions.get(op.kind, 1), op_version(op))
        return {item: number for number, item in enumerate(versions.items())}

    def _operator_code(self, kind: str, version: int) -> int:
        number = BUILTIN_OPERATORS[kind]
        return self.tables.table(
            ("Int8", 0, min(number, _DEPRECATED_CODE_LIMIT), 0),
            ("Int32", 2, version, 1),
            ("Int32", 3, number, 0),
        )

    def _operator(self, op: Op, code: int, index: dict[Tensor, int]) -> int:
        inputs = self.tables.ints([-1 if t is None else index[t] for t in op.inputs])
        outputs = self.tables.ints([index[t] for t in op.outputs])
        fields = [("Uint32", 0, code, 0), child(1, inputs), child(2, outputs)]
        name = option_table_name(op.kind)
        if name is not None:
            options = child(4, self._options(name, op))
            fields += [("Uint8", 3, OPTION_TABLES[name].union_id, 0), options]
        return self.tables.table(*fields)

    def _options(self, name: str, op: Op) -> int:
        layout = OPTION_TABLES[name].fields
        inner = _INNER_GRAPHS.get(op.kind, ())
        numbers = (self.number[graph] for graph in op.graphs)
        given = {**op.options, **dict(zip(inner, numbers, strict=True))}
        unknown = set(given) - set(layout)
        assert not unknown, f"{op.kind} has options {unknown} that {name} does not know"
        return self.tables.table(
            *(
                (layout[key].kind, layout[key].slot, _option_value(key, value), layout[key].default)
                for key, value in given.items()
            )
        )

    def _subgraph(self, subgraph: Subgraph) -> int:
        codes = self.code_of
        index, graph = subgraph.index, subgraph.graph
        tensors = self.tables.tables([self._tensor(t) for t in subgraph.tensors])
        operators = self.tables.tables(
            [self._operator(o, codes[o.kind], index) for o in subgraph.ops]
        )
        fields = [
            child(0, tensors),
            child(1, self.tables.ints([index[t] for t in graph.inputs])),
            child(2, self.tables.ints([index[t] for t in graph.outputs])),
            child(3, operators),
        ]
        number = self.number[graph]
        if number < len(self.signatures):
            fields.append(child(4, self.tables.text(self.signatures[number].key)))
        return self.tables.table(*fields)

    def _signature(self, signature: Signature) -> int:
        number = self.number[signature.graph]
        graph, index = signature.graph, self.subgraphs[number].index
        return self.tables.table(
            child(0, self._tensor_maps(signature.input_names, graph.inputs, index)),
            child(1, self._tensor_maps(signature.output_names, graph.outputs, index)),
            child(2, self.tables.text(signature.key)),
            ("Uint32", 4, number, 0),
        )

    def _tensor_maps(
        self, names: Sequence[str], tensors: Sequence[Tensor], index: dict[Tensor, int]
    ) -> int:
        maps = [
            self.tables.table(child(0, self.tables.text(name)), ("Uint32", 1, index[tensor], 0))
            for name, tensor in zip(names, tensors, strict=True)
        ]
        return self.tables.tables(maps)


def _digest(data: np.ndarray) -> bytes:
    return hashlib.blake2b(data.reshape(-1).view(np.uint8).data, digest_size=16).digest()


def _option_value(name: str, value: Any) -> Any:
    if name == "padding":
        return PADDINGS[str(value)]
    if name == "mode":
        return MIRRORS[str(value)]
    if name == "fused_activation_function":
        return ACTIVATIONS[str(value)]
    if name.endswith("_type"):
        return STORED_TYPES[np.dtype(value)]
    return value
