"""Metadata in files: read back by other readers, and ignored when it runs."""

from __future__ import annotations

import io
import re
import zipfile
from typing import Any

import flatbuffers
import flatbuffers.number_types as kinds
import jax
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nnlib.tflite_export import (
    CorruptModelError,
    Interpreter,
    Metadata,
    MetadataError,
    TensorSpec,
    export_tflite,
    read_tflite,
)
from nnlib.tflite_export.runtime_versions import RELEASES, min_runtime_version, release_of
from nnlib.tflite_export.schema_tables import BUILTIN_OPERATORS
from nnlib.tflite_export.verify import run

IMAGE = TensorSpec((None, 4, 4, 3))
ABOUT = Metadata(
    description="Finds cats.",
    labels=["cat", "dog", "Käfer"],
    mean=[127.5, 1, 2],
    std=[127.5, 2, 3],
    name="cats",
    version="v1",
    author="a team",
    license="MIT",
)


def classify(image: jax.Array) -> jax.Array:
    return jax.nn.softmax(image.mean((1, 2)))


def content_of(metadata: Metadata | None = ABOUT) -> bytes:
    return export_tflite(classify, IMAGE, metadata=metadata, verify=False).content


def slot(table: Any, number: int) -> Any:
    """Position of a field, by the flatbuffers package alone."""
    offset = table.Offset(4 + 2 * number)
    assert offset
    return offset


def child(table: Any, number: int) -> Any:
    return flatbuffers.table.Table(table.Bytes, table.Indirect(slot(table, number) + table.Pos))


def element(table: Any, number: int, index: int = 0) -> Any:
    start = table.Vector(slot(table, number))
    return flatbuffers.table.Table(table.Bytes, table.Indirect(start + 4 * index))


def floats(table: Any, number: int) -> list[float]:
    return table.GetVectorAsNumpy(kinds.Float32Flags, slot(table, number)).tolist()


def text(table: Any, number: int) -> str:
    return table.String(slot(table, number) + table.Pos).decode()


def test_the_flatbuffer_has_the_fields_of_the_schema() -> None:
    model = schema.ModelT.InitFromPackedBuf(content_of(), 0)
    (entry,) = [m for m in model.metadata if m.name == b"TFLITE_METADATA"]
    data = bytes(model.buffers[entry.buffer].data)
    assert data[4:8] == b"M001"
    root = flatbuffers.table.Table(data, int.from_bytes(data[:4], "little"))
    assert [text(root, n) for n in (0, 1, 2, 4, 5, 7)] == [
        "cats", "Finds cats.", "v1", "a team", "MIT", "1.0.0",
    ]  # fmt: skip
    graph = element(root, 3)
    image, scores = element(graph, 2), element(graph, 3)
    unit = element(image, 4)
    assert text(image, 0) == "image"
    assert unit.Get(kinds.Uint8Flags, slot(unit, 0) + unit.Pos) == 1  # NormalizationOptions
    assert floats(child(unit, 1), 0) == [127.5, 1, 2]
    assert floats(child(unit, 1), 1) == [127.5, 2, 3]
    file = element(scores, 6)
    assert text(file, 0) == "labels.txt"
    assert file.Get(kinds.Int8Flags, slot(file, 2) + file.Pos) == 2  # TENSOR_AXIS_LABELS


def test_labels_are_in_an_archive_at_the_end_stored_not_compressed() -> None:
    with zipfile.ZipFile(io.BytesIO(content_of())) as archive:
        (member,) = archive.infolist()
        assert (member.filename, member.compress_type) == ("labels.txt", zipfile.ZIP_STORED)
        assert archive.read(member).decode() == "cat\ndog\nKäfer\n"


def test_read_back() -> None:
    about = read_tflite(content_of()).described
    assert about is not None
    assert about.labels == {"output_0": ("cat", "dog", "Käfer")}
    assert about.mean == {"image": (127.5, 1.0, 2.0)}
    assert about.std == {"image": (127.5, 2.0, 3.0)}
    assert (about.name, about.description, about.license) == ("cats", "Finds cats.", "MIT")
    assert read_tflite(content_of(None)).described is None


def test_the_file_runs_and_is_the_same_at_any_time() -> None:
    image = np.random.default_rng(0).normal(size=(2, 4, 4, 3)).astype(np.float32)
    results = [run(Interpreter(model_content=content_of(m)), [image])[0] for m in (None, ABOUT)]
    np.testing.assert_array_equal(*results)
    assert content_of() == content_of()


def test_several_inputs_and_outputs_by_name() -> None:
    about = Metadata(labels={"b": "xy"}, mean={"left": 1}, std={"left": 2.0})
    report = export_tflite(
        lambda left, right: {"a": left, "b": left + right},
        (TensorSpec((2,)), TensorSpec((2,))),
        metadata=about,
        verify=False,
    )
    found = report.model.described
    assert found is not None
    assert found.labels == {"b": ("x", "y")}
    assert found.mean == {"left": (1.0,)}


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        (Metadata(labels=["a"]), "3 labels for output 'output_0', got 1"),
        (Metadata(labels={"no": ["a"]}), "names among ['output_0'], got ['no']"),
        (Metadata(labels=["a", "b\n", "c"]), "line break"),
        (Metadata(mean=1.0), "mean and std for the same inputs"),
        (Metadata(mean=1.0, std=0.0), "positive numbers, got 0.0"),
        (Metadata(mean=[1, 2], std=1.0), "one number, or 3 for the channels of 'image', got 2"),
    ],
)
def test_what_does_not_fit_is_refused(metadata: Metadata, words: str) -> None:
    with pytest.raises(MetadataError) as caught:
        content_of(metadata)
    assert words in str(caught.value)


def test_two_inputs_need_a_name() -> None:
    with pytest.raises(MetadataError, match="a dict by name, because the model has 2"):
        export_tflite(
            lambda a, b: a + b,
            (TensorSpec((2,)), TensorSpec((2,))),
            metadata=Metadata(mean=0.0, std=1.0),
        )


BOTH = {
    "whole": (lambda x: x * 2.0, TensorSpec((1, 3))),
    "parts": (lambda y: {"p q": y[:, :2], "p_q": y + 1.0}, TensorSpec((1, 3))),
}


def both(metadata: Any) -> bytes:
    return export_tflite(signatures=BOTH, metadata=metadata, verify=False).content


def test_every_signature_is_described() -> None:
    content = both(
        {
            "whole": Metadata(name="both", description="Doubles.", labels="xyz"),
            "parts": Metadata(
                description="Cuts.", labels={"p q": "ab", "p_q": "cde"}, mean=1, std=2
            ),
        }
    )
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    (entry,) = [m for m in model.metadata if m.name == b"TFLITE_METADATA"]
    data = bytes(model.buffers[entry.buffer].data)
    root = flatbuffers.table.Table(data, int.from_bytes(data[:4], "little"))
    assert (text(root, 0), text(root, 1), root.VectorLen(slot(root, 3))) == ("both", "Doubles.", 2)
    for number, key in enumerate(BOTH):
        graph = element(root, 3, number)
        assert text(graph, 0) == key
        outputs = [element(graph, 3, n) for n in range(len(model.subgraphs[number].outputs))]
        names = [model.subgraphs[number].tensors[n].name for n in model.subgraphs[number].outputs]
        assert [text(one, 0).encode() for one in outputs] == names
    assert text(element(root, 3, 1), 1) == "Cuts."
    first, second = read_tflite(content).descriptions
    assert first.labels == {"output_0": ("x", "y", "z")}
    assert second.labels == {"p q": ("a", "b"), "p_q": ("c", "d", "e")}
    assert (second.description, second.mean, second.std) == ("Cuts.", {"y": (1.0,)}, {"y": (2.0,)})


def test_one_metadata_is_that_of_the_first_signature() -> None:
    first, second = read_tflite(both(Metadata(labels="xyz"))).descriptions
    assert first.labels == {"output_0": ("x", "y", "z")}
    assert second == Metadata(labels={}, mean={}, std={})


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        ({"no": Metadata()}, "keys among ['whole', 'parts'], got ['no']"),
        ({"labels": ["a"]}, "a Metadata, or a dict of them by signature key, got ['a']"),
        ({"parts": Metadata(author="us")}, "metadata['parts'].author: it at the first"),
        (Metadata(mean="much", std=1), "numbers, got 'much'"),
        (Metadata(mean=float("nan"), std=1), "finite numbers, got mean=nan"),
    ],
)
def test_metadata_of_no_signature_are_refused(metadata: Any, words: str) -> None:
    with pytest.raises(MetadataError, match=re.escape(words)):
        both(metadata)


def test_labels_with_unicode_line_ends_stay_whole() -> None:
    labels = ["a\u2028b", " c", "d\x85"]
    about = read_tflite(content_of(Metadata(labels=labels))).described
    assert about is not None
    assert about.labels == {"output_0": tuple(labels)}


CONTENT = content_of()


@settings(
    max_examples=200, deadline=None, derandomize=True, database=None,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
@given(
    flips=st.lists(
        st.integers(8 * CONTENT.index(b"M001") - 64, 8 * len(CONTENT) - 1), min_size=1, max_size=6
    )
)
def test_damaged_metadata_are_an_error_of_ours(flips: list[int]) -> None:
    damaged = bytearray(CONTENT)
    for bit in flips:
        damaged[bit // 8] ^= 1 << bit % 8
    try:
        about = read_tflite(bytes(damaged)).described
    except CorruptModelError:
        return
    assert about is None or isinstance(about, Metadata)


def test_a_file_without_a_name_is_left_out() -> None:
    """zipfile itself fails on it."""
    content = content_of()
    central = bytearray(content[content.index(b"PK\x01\x02") :])
    central[28:30] = bytes(2)  # length of the name, of which the comment now takes the bytes
    central[32:34] = len("labels.txt").to_bytes(2, "little")
    damaged = content[: -len(central)] + bytes(central)
    assert read_tflite(damaged).associated_files == {}


def test_every_operator_that_we_write_has_its_releases() -> None:
    assert set(BUILTIN_OPERATORS) <= set(RELEASES)


def test_what_is_not_known_needs_the_newest_release() -> None:
    assert release_of("BROADCAST_TO", 1) == release_of("STABLEHLO_CASE", 9) == "2.23.0"
    assert min_runtime_version([("ADD", 1), ("TILE", 1), ("ADD", 2)]) == "1.14.0"


def test_files_say_which_runtime_they_need() -> None:
    report = export_tflite(jax.nn.gelu, TensorSpec((None, 2)), verify=False)
    assert report.model.min_runtime_version == "2.9.0"
    assert report.model.metadata["min_runtime_version"].size == 16
