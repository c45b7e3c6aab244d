"""read_tflite: what is in any .tflite file, checked against everything that a file can lie about.

Source: the public TensorFlow Lite flatbuffer schema, file identifier TFL3, version 3.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from .associated_files import read_associated_files
from .builtin_names import BUILTIN_NAMES
from .flatbuffer_reader import Content, Table
from .model_info import ModelInfo, OperatorInfo, SignatureInfo, SubgraphInfo, TensorInfo
from .operator_options import NESTED_GRAPHS, read_options
from .schema_tables import FILE_IDENTIFIER, SCHEMA_VERSION
from .tensor_reader import TensorReader


def read_tflite(source: str | os.PathLike[str] | bytes | bytearray | memoryview) -> ModelInfo:
    """Read a .tflite file of any tool, without running it and without trusting it.

    Args:
        source: path of a file, or its content.

    Returns:
        Subgraphs with tensors and operators, signatures, quantisation and metadata. Constants are
        views of the content, not copies.

    Raises:
        CorruptModelError: the file is damaged, or is no .tflite file.
        FileNotFoundError: nothing is at the path.

    Example:
        >>> import jax.numpy as jnp
        >>> from nnlib.tflite_export import TensorSpec, export_tflite
        >>> info = read_tflite(export_tflite(jnp.tanh, TensorSpec((None, 2))).content)
        >>> info.ops, info.inputs[0].describe()
        ({'TANH': 1}, 'float32[?, 2]')

    Source: `nnlib.tflite_export` documentation.
    """
    return _Reader(_bytes_of(source)).read()


def _bytes_of(source: str | os.PathLike[str] | bytes | bytearray | memoryview) -> np.ndarray:
    if isinstance(source, bytes | bytearray | memoryview):
        return np.frombuffer(source, np.uint8)
    path = Path(source)
    if path.stat().st_size == 0:
        return np.zeros(0, np.uint8)
    # Mapped, not read: files may have gigabytes of weights, of which no byte is looked at here.
    return np.asarray(np.memmap(path, np.uint8, mode="r"))


class _Reader:
    def __init__(self, data: np.ndarray) -> None:
        self.content = Content(data)
        self.model = self.content.root(FILE_IDENTIFIER)

    def read(self) -> ModelInfo:
        version = self.model.scalar(0, "uint32", "version")
        if version != SCHEMA_VERSION:
            raise self.content.corrupt("model.version", str(SCHEMA_VERSION), str(version))
        buffers = [self._buffer(t) for t in self.model.tables(4, "buffers", "buffer")]
        self.tensors = TensorReader(self.content, buffers)
        self.codes = [
            self._operator_code(t) for t in self.model.tables(1, "operator_codes", "operator code")
        ]
        graphs = list(self.model.tables(2, "subgraphs", "subgraph"))
        if not graphs:
            raise self.content.corrupt("model.subgraphs", "at least one", "none")
        self.count = len(graphs)
        subgraphs = tuple(self._subgraph(number, table) for number, table in enumerate(graphs))
        self._check_nesting(subgraphs)
        return ModelInfo(
            version=version,
            description=self.model.text(3, "description") or "",
            subgraphs=subgraphs,
            signatures=tuple(
                self._signature(table, subgraphs)
                for table in self.model.tables(7, "signature_defs", "signature")
            ),
            metadata=self._metadata(buffers),
            size=self.content.size,
            buffer_bytes=tuple(0 if data is None else int(data.size) for data in buffers),
            associated_files=read_associated_files(self.content.data),
        )

    def _buffer(self, table: Table) -> np.ndarray | None:
        """The bytes of a buffer: in the table, or further back in a file beyond 2 GB."""
        offset = table.scalar(1, "uint64", "offset")
        size = table.scalar(2, "uint64", "size")
        if offset > 1:  # 0 and 1 are placeholders of the schema
            self.content.check(offset, size, f"{table.where}.offset")
            return self.content.data[offset : offset + size]
        data = table.array(0, np.uint8, "data")
        return None if data is None or data.size == 0 else data

    def _operator_code(self, table: Table) -> tuple[str, int, bool]:
        old = table.scalar(0, "int8", "deprecated_builtin_code")
        number = max(old, table.scalar(3, "int32", "builtin_code"))
        version = table.scalar(2, "int32", "version", 1)
        if not 0 <= number < len(BUILTIN_NAMES):
            raise self.content.corrupt(
                f"{table.where}.builtin_code",
                f"a number from 0 to {len(BUILTIN_NAMES) - 1}",
                str(number),
            )
        name = BUILTIN_NAMES[number]
        custom = name == "CUSTOM"
        return (table.text(1, "custom_code") or name if custom else name), version, custom

    def _subgraph(self, number: int, table: Table) -> SubgraphInfo:
        tensors = tuple(
            self.tensors.read(index, t)
            for index, t in enumerate(table.tables(0, "tensors", f"subgraph {number}: tensor"))
        )
        return SubgraphInfo(
            index=number,
            name=table.text(4, "name") or "",
            tensors=tensors,
            inputs=self._numbers(table, 1, "inputs", 0, len(tensors)),
            outputs=self._numbers(table, 2, "outputs", 0, len(tensors)),
            operators=tuple(
                self._operator(index, t, len(tensors))
                for index, t in enumerate(
                    table.tables(3, "operators", f"subgraph {number}: operator")
                )
            ),
        )

    def _operator(self, index: int, table: Table, tensors: int) -> OperatorInfo:
        code = table.scalar(0, "uint32", "opcode_index")
        if code >= len(self.codes):
            raise self.content.corrupt(
                f"{table.where}.opcode_index", f"below {len(self.codes)}", str(code)
            )
        name, version, custom = self.codes[code]
        offset = table.scalar(9, "uint64", "large_custom_options_offset")
        size = table.scalar(10, "uint64", "large_custom_options_size")
        if offset > 1:
            self.content.check(offset, size, f"{table.where}.large_custom_options_offset")
        return OperatorInfo(
            index=index,
            name=name,
            version=version,
            inputs=self._numbers(table, 1, "inputs", -1, tensors),
            outputs=self._numbers(table, 2, "outputs", -1, tensors),
            options=read_options(name, table),
            subgraphs=self._nested(name, table),
            custom=custom,
        )

    def _nested(self, name: str, table: Table) -> tuple[int, ...]:
        options = table.child(4, "builtin_options") if name in NESTED_GRAPHS else None
        if options is None:
            return ()
        found = tuple(
            options.scalar(slot, "int32", "subgraph_index") for slot in NESTED_GRAPHS[name]
        )
        if not all(0 <= number < self.count for number in found):
            raise self.content.corrupt(options.where, f"subgraphs below {self.count}", str(found))
        return found

    def _check_nesting(self, subgraphs: tuple[SubgraphInfo, ...]) -> None:
        """Refuse a subgraph that runs itself; a file has no end of running otherwise."""
        calls = [{n for op in graph.operators for n in op.subgraphs} for graph in subgraphs]
        waiting = [len(inner) for inner in calls]
        callers: list[list[int]] = [[] for _ in calls]
        for outer, inner in enumerate(calls):
            for number in inner:
                callers[number].append(outer)
        free = [number for number, count in enumerate(waiting) if count == 0]
        done = 0
        while free:
            done += 1
            for outer in callers[free.pop()]:
                waiting[outer] -= 1
                if waiting[outer] == 0:
                    free.append(outer)
        if done < len(calls):
            raise self.content.corrupt(
                "model.subgraphs", "subgraphs that do not run themselves", "a cycle among them"
            )

    def _numbers(self, table: Table, slot: int, name: str, low: int, high: int) -> tuple[int, ...]:
        """Tensor numbers, checked."""
        array = table.array(slot, "<i4", name)
        if array is None or array.size == 0:
            return ()
        self.content.spend(array.size, f"{table.where}.{name}")
        if int(array.min()) < low or int(array.max()) >= high:
            raise self.content.corrupt(
                f"{table.where}.{name}", f"tensor numbers from {low} to {high - 1}", str(array[:9])
            )
        return tuple(array.tolist())

    def _signature(self, table: Table, subgraphs: tuple[SubgraphInfo, ...]) -> SignatureInfo:
        number = table.scalar(4, "uint32", "subgraph_index")
        if number >= len(subgraphs):
            raise self.content.corrupt(
                f"{table.where}.subgraph_index", f"below {len(subgraphs)}", str(number)
            )
        tensors = subgraphs[number].tensors
        return SignatureInfo(
            key=table.text(2, "signature_key") or "",
            subgraph=number,
            inputs=self._tensor_map(table, 0, "inputs", tensors),
            outputs=self._tensor_map(table, 1, "outputs", tensors),
        )

    def _tensor_map(
        self, table: Table, slot: int, name: str, tensors: tuple[TensorInfo, ...]
    ) -> dict[str, int]:
        found = {}
        for entry in table.tables(slot, name):
            number = entry.scalar(1, "uint32", "tensor_index")
            if number >= len(tensors):
                raise self.content.corrupt(
                    f"{entry.where}.tensor_index", f"below {len(tensors)}", str(number)
                )
            found[entry.text(0, "name") or ""] = number
        return found

    def _metadata(self, buffers: list[np.ndarray | None]) -> dict[str, np.ndarray]:
        found = {}
        for entry in self.model.tables(6, "metadata", "metadata"):
            number = entry.scalar(1, "uint32", "buffer")
            if number >= len(buffers):
                raise self.content.corrupt(
                    f"{entry.where}.buffer", f"below {len(buffers)}", str(number)
                )
            data = buffers[number]
            found[entry.text(0, "name") or ""] = np.zeros(0, np.uint8) if data is None else data
        return found
