"""TensorFlow Lite metadata: a flatbuffer of its own within a model's metadata buffer.

Source: the public TensorFlow Lite metadata schema, file identifier M001.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from .flatbuffer_reader import Content, Table
from .flatbuffer_tables import FieldValue, TableBuilder, child
from .metadata import Ends, Metadata, SignatureNotes, TensorNotes, notes_of

ENTRY = "TFLITE_METADATA"
_IDENTIFIER = b"M001"
_PARSER = "1.0.0"  # of readers that know all the fields below
_NORMALISATION = 1  # NormalizationOptions in the union ProcessUnitOptions
_AXIS_LABELS = 2  # TENSOR_AXIS_LABELS of AssociatedFileType


def metadata_parts(
    metadata: Metadata | Mapping[str, Metadata] | None, signatures: Sequence[Ends]
) -> tuple[dict[str, bytes], dict[str, str]]:
    """What to store for the metadata that a user gave.

    Args:
        metadata: None for nothing; for the first signature, or by key.
        signatures: all of the file, in order.

    Returns:
        Entries of the model's metadata, and texts of files to pack behind it.

    Raises:
        MetadataError: it does not fit the inputs and outputs.
    """
    if metadata is None:
        return {}, {}
    model, notes = notes_of(metadata, signatures)
    labelled = [out for one in notes for out in one.outputs if out.labels]
    files = {n.labels_file: "".join(f"{text}\n" for text in n.labels) for n in labelled}
    return {ENTRY: _Writer().write(model, notes)}, files


class _Writer:
    def __init__(self) -> None:
        self.tables = TableBuilder(1024)

    def write(self, metadata: Metadata, notes: Sequence[SignatureNotes]) -> bytes:
        # Signatures are the file's first subgraphs, so that numbers agree. The first one's text is
        # the model's.
        texts = [("", "")] if len(notes) == 1 else [(one.key, one.description) for one in notes]
        graphs = [self._graph(one, *text) for one, text in zip(notes, texts, strict=True)]
        root = self.tables.table(
            *self._texts({0: metadata.name, 1: metadata.description, 2: metadata.version}),
            child(3, self.tables.tables(graphs)),
            *self._texts({4: metadata.author, 5: metadata.license, 7: _PARSER}),
        )
        return self.tables.finish(root, _IDENTIFIER)

    def _graph(self, notes: SignatureNotes, name: str, description: str) -> int:
        return self.tables.table(
            *self._texts({0: name, 1: description}),
            child(2, self.tables.tables([self._tensor(one) for one in notes.inputs])),
            child(3, self.tables.tables([self._tensor(one) for one in notes.outputs])),
        )

    def _tensor(self, notes: TensorNotes) -> int:
        tables = self.tables
        fields = [child(0, tables.text(notes.name))]
        if notes.std:
            numbers = (tables.numbers(values, "<f4") for values in (notes.mean, notes.std))
            options = tables.table(*(child(slot, offset) for slot, offset in enumerate(numbers)))
            unit = tables.table(("Uint8", 0, _NORMALISATION, 0), child(1, options))
            fields.append(child(4, tables.tables([unit])))
        if notes.labels:
            name = tables.text(notes.labels_file)
            file = tables.table(child(0, name), ("Int8", 2, _AXIS_LABELS, 0))
            fields.append(child(6, tables.tables([file])))
        return tables.table(*fields)

    def _texts(self, texts: Mapping[int, str]) -> list[FieldValue]:
        return [child(slot, self.tables.text(text)) for slot, text in texts.items() if text]


def read_metadata(
    entry: np.ndarray,
    files: Mapping[str, bytes],
    graphs: Sequence[tuple[Sequence[str], Sequence[str]]],
) -> tuple[Metadata, ...]:
    """The metadata of a model.

    Args:
        entry: bytes of the entry `TFLITE_METADATA`.
        files: the files packed behind the model.
        graphs: names of the inputs and of the outputs of each subgraph, for tensors that the
            metadata do not name.

    Returns:
        The metadata of the subgraphs that are described, in order, with labels, mean and std as
        dicts by name; the first holds those of the model itself too.

    Raises:
        CorruptModelError: the entry is damaged.
    """
    root = Content(entry).root(_IDENTIFIER)
    tables = root.tables(3, "subgraph_metadata")
    # Metadata of a graph that is not there describe nothing; zip leaves them out.
    found = [_graph(table, files, *names) for table, names in zip(tables, graphs, strict=False)]
    model = replace(
        found[0] if found else Metadata(),
        name=root.text(0, "name") or "",
        description=root.text(1, "description") or "",
        version=root.text(2, "version") or "",
        author=root.text(4, "author") or "",
        license=root.text(5, "license") or "",
    )
    return (model, *found[1:])


def _graph(
    graph: Table, files: Mapping[str, bytes], inputs: Sequence[str], outputs: Sequence[str]
) -> Metadata:
    before = _notes(graph, 2, "input_tensor_metadata", files, inputs)
    after = _notes(graph, 3, "output_tensor_metadata", files, outputs)
    return Metadata(
        description=graph.text(1, "description") or "",
        labels={notes.name: notes.labels for notes in after if notes.labels},
        mean={notes.name: notes.mean for notes in before if notes.std},
        std={notes.name: notes.std for notes in before if notes.std},
    )


def _notes(
    graph: Table, slot: int, name: str, files: Mapping[str, bytes], names: Sequence[str]
) -> list[TensorNotes]:
    found = []
    for number, table in enumerate(graph.tables(slot, name)):
        fallback = names[number] if number < len(names) else str(number)
        mean, std = _normalisation(table)
        labels, file = _labels(table, files)
        found.append(TensorNotes(table.text(0, "name") or fallback, mean, std, labels, file))
    return found


def _normalisation(tensor: Table) -> tuple[tuple[float, ...], tuple[float, ...]]:
    for unit in tensor.tables(4, "process_units"):
        options = unit.child(1, "options") if unit.scalar(0, "uint8", "type") == 1 else None
        if options is not None:
            mean, std = options.array(0, "<f4", "mean"), options.array(1, "<f4", "std")
            if mean is not None and std is not None:
                return tuple(mean[:4096].tolist()), tuple(std[:4096].tolist())
    return (), ()


def _labels(tensor: Table, files: Mapping[str, bytes]) -> tuple[tuple[str, ...], str]:
    for file in tensor.tables(6, "associated_files"):
        name = file.text(0, "name") or ""
        if file.scalar(2, "int8", "type") == _AXIS_LABELS and name in files:
            lines = files[name].decode("utf-8", "replace").removesuffix("\n").split("\n")
            return tuple(line.removesuffix("\r") for line in lines), name
    return (), ""
