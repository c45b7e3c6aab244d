"""Writes a graph as a .tflite flatbuffer.

Flatbuffers are built back to front: children first, then the tables that point at them. Buffers
start at multiples of 16 bytes, equal buffers are stored once, and equal int vectors are shared.

Source: https://flatbuffers.dev/internals/ and the TFL3 schema (see `schema_tables`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, TypeAlias

import flatbuffers
import numpy as np

from .graph import Graph, Op, Tensor
from .op_versions import op_version
from .schema_tables import (
    ACTIVATIONS,
    BUILTIN_OPERATORS,
    FILE_IDENTIFIER,
    INNER_TYPES,
    MIRRORS,
    OPTION_TABLES,
    PADDINGS,
    SCHEMA_VERSION,
    TENSOR_TYPES,
    option_table_name,
)
from .symbolic import all_static, is_static

_ALIGNMENT = 16
_DEPRECATED_CODE_LIMIT = 127  # older readers hold the operator number in one signed byte
_FieldValue: TypeAlias = tuple[str, int, Any, Any]  # type, slot, value, default
_ALL_TYPES = {**TENSOR_TYPES, **INNER_TYPES}
_SLACK = 1 << 16  # room for the tables, so that the builder need not grow and copy


def write_model(
    graph: Graph,
    input_names: Sequence[str],
    output_names: Sequence[str],
    signature: str = "serving_default",
    description: str = "nnlib.tflite_export",
) -> bytes:
    """Serialise a legal graph.

    Args:
        graph: a graph whose ops are all TFLite operators.
        input_names: name of each graph input in the signature.
        output_names: name of each graph output in the signature.
        signature: key of the signature.
        description: free text in the file.

    Returns:
        The content of a .tflite file.
    """
    return _Writer(graph).write(input_names, output_names, signature, description)


class _Writer:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.ops = graph.ordered()
        self.tensors = self._collect_tensors()
        self.index = {tensor: number for number, tensor in enumerate(self.tensors)}
        self.buffers: list[np.ndarray] = []
        self.buffer_of: dict[Tensor, int] = {}
        self._assign_buffers()
        total = sum(data.nbytes for data in self.buffers)
        self.builder: Any = flatbuffers.Builder(total + total // 64 + _SLACK)
        self._strings: dict[str, int] = {}
        self._vectors: dict[tuple[int, ...], int] = {}

    def write(
        self, inputs: Sequence[str], outputs: Sequence[str], signature: str, description: str
    ) -> bytes:
        buffers = self._buffers()
        subgraph = self._subgraph(signature)
        signatures = self._offsets([self._signature(inputs, outputs, signature)])
        codes = self._operator_codes()
        model = self._table(
            ("Uint32", 0, SCHEMA_VERSION, 0),
            _child(1, codes),
            _child(2, self._offsets([subgraph])),
            _child(3, self._string(description)),
            _child(4, buffers),
            _child(7, signatures),
        )
        self.builder.Finish(model, FILE_IDENTIFIER)
        return bytes(self.builder.Output())

    # Tensors and buffers.

    def _collect_tensors(self) -> list[Tensor]:
        found: dict[Tensor, None] = dict.fromkeys(self.graph.inputs)
        for op in self.ops:
            found.update(dict.fromkeys(t for t in op.inputs if t is not None))
            found.update(dict.fromkeys(op.outputs))
        found.update(dict.fromkeys(self.graph.outputs))
        return list(found)

    def _assign_buffers(self) -> None:
        """Give equal constants one buffer. Buffer 0 is the empty one that activations name."""
        known: dict[tuple[int, bytes], int] = {}
        for tensor in self.tensors:
            if tensor.data is None:
                self.buffer_of[tensor] = 0
                continue
            data = np.ascontiguousarray(tensor.data)
            key = (data.nbytes, _digest(data))
            if key not in known:
                self.buffers.append(data)
                known[key] = len(self.buffers)
            self.buffer_of[tensor] = known[key]

    def _buffers(self) -> int:
        return self._offsets([self._table(), *map(self._buffer, self.buffers)])

    def _buffer(self, data: np.ndarray) -> int:
        b = self.builder
        raw = data.reshape(-1).view(np.uint8)
        b.StartVector(1, raw.size, _ALIGNMENT)
        b.head = b.head - raw.size
        b.Bytes[b.head : b.head + raw.size] = raw.data
        return self._table(_child(0, int(b.EndVector())))

    def _tensor(self, tensor: Tensor) -> int:
        # A file states one size for a free dimension: 1, which is what a runtime starts with.
        shape = self._ints([dim if is_static(dim) else 1 for dim in tensor.shape])
        fields = [
            _child(0, shape),
            ("Int8", 1, _ALL_TYPES[tensor.dtype], 0),
            ("Uint32", 2, self.buffer_of[tensor], 0),
            ("Bool", 8, True, False),  # has_rank: an empty shape is a scalar, not unknown
        ]
        if tensor.name:
            fields.append(_child(3, self._string(tensor.name)))
        if not all_static(tensor.shape):
            free = self._ints([dim if is_static(dim) else -1 for dim in tensor.shape])
            fields.append(_child(7, free))
        return self._table(*fields)

    # Operators.

    def _operator_codes(self) -> int:
        return self._offsets([self._operator_code(*key) for key in self._code_index()])

    def _code_index(self) -> dict[tuple[str, int], int]:
        """Index of each (operator, version); one version of an operator serves all its uses."""
        versions: dict[str, int] = {}
        for op in self.ops:
            versions[op.kind] = max(versions.get(op.kind, 1), op_version(op))
        return {item: number for number, item in enumerate(versions.items())}

    def _operator_code(self, kind: str, version: int) -> int:
        number = BUILTIN_OPERATORS[kind]
        return self._table(
            ("Int8", 0, min(number, _DEPRECATED_CODE_LIMIT), 0),
            ("Int32", 2, version, 1),
            ("Int32", 3, number, 0),
        )

    def _operator(self, op: Op, code: int) -> int:
        inputs = self._ints([-1 if t is None else self.index[t] for t in op.inputs])
        outputs = self._ints([self.index[t] for t in op.outputs])
        fields = [("Uint32", 0, code, 0), _child(1, inputs), _child(2, outputs)]
        name = option_table_name(op.kind)
        if name is not None:
            options = _child(4, self._options(name, op))
            fields += [("Uint8", 3, OPTION_TABLES[name].union_id, 0), options]
        return self._table(*fields)

    def _options(self, name: str, op: Op) -> int:
        layout = OPTION_TABLES[name].fields
        unknown = set(op.options) - set(layout)
        assert not unknown, f"{op.kind} has options {unknown} that {name} does not know"
        return self._table(
            *(
                (layout[key].kind, layout[key].slot, _option_value(key, value), layout[key].default)
                for key, value in op.options.items()
            )
        )

    def _subgraph(self, name: str) -> int:
        codes = {kind: number for (kind, _), number in self._code_index().items()}
        tensors = self._offsets([self._tensor(t) for t in self.tensors])
        operators = self._offsets([self._operator(op, codes[op.kind]) for op in self.ops])
        return self._table(
            _child(0, tensors),
            _child(1, self._ints([self.index[t] for t in self.graph.inputs])),
            _child(2, self._ints([self.index[t] for t in self.graph.outputs])),
            _child(3, operators),
            _child(4, self._string(name)),
        )

    def _signature(self, inputs: Sequence[str], outputs: Sequence[str], key: str) -> int:
        return self._table(
            _child(0, self._tensor_maps(inputs, self.graph.inputs)),
            _child(1, self._tensor_maps(outputs, self.graph.outputs)),
            _child(2, self._string(key)),
            ("Uint32", 4, 0, 0),
        )

    def _tensor_maps(self, names: Sequence[str], tensors: Sequence[Tensor]) -> int:
        maps = [
            self._table(_child(0, self._string(name)), ("Uint32", 1, self.index[tensor], 0))
            for name, tensor in zip(names, tensors, strict=True)
        ]
        return self._offsets(maps)

    # Vectors and strings.

    def _offsets(self, offsets: Sequence[int]) -> int:
        self.builder.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            self.builder.PrependUOffsetTRelative(offset)
        return int(self.builder.EndVector())

    def _ints(self, values: Sequence[int]) -> int:
        key = tuple(values)
        if key not in self._vectors:
            self.builder.StartVector(4, len(key), 4)
            for value in reversed(key):
                self.builder.PrependInt32(value)
            self._vectors[key] = int(self.builder.EndVector())
        return self._vectors[key]

    def _string(self, text: str) -> int:
        if text not in self._strings:
            self._strings[text] = int(self.builder.CreateString(text))
        return self._strings[text]

    def _table(self, *fields: _FieldValue) -> int:
        """A table of fields given as (type, slot, value, default)."""
        self.builder.StartObject(1 + max((slot for _, slot, _, _ in fields), default=-1))
        for kind, slot, value, default in fields:
            getattr(self.builder, f"Prepend{kind}Slot")(slot, value, default)
        return int(self.builder.EndObject())


def _child(slot: int, offset: int) -> _FieldValue:
    """A field that points at a vector, string or table written before."""
    return "UOffsetTRelative", slot, offset, 0


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
        return TENSOR_TYPES[np.dtype(value)]
    return value
