"""read_tflite against LiteRT's own schema classes: the same facts, from files of several tools."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import flatbuffers
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tflite_micro
from ai_edge_litert import schema_py_generated as schema
from nnlib.tflite_export import TensorSpec, export_tflite, read_tflite
from nnlib.tflite_export.builtin_names import BUILTIN_NAMES, TYPE_NAMES
from nnlib.tflite_export.errors import CorruptModelError
from nnlib.tflite_export.model_info import ModelInfo

W = np.random.default_rng(0).normal(size=(3, 3, 2, 4)).astype(np.float32)
SINE = Path(tflite_micro.__file__).parent / "python" / "tflite_micro" / "sine_float.tflite"


def conv(image: jax.Array) -> jax.Array:
    layout = ("NHWC", "HWIO", "NHWC")
    y = jax.lax.conv_general_dilated(image, W, (2, 1), "SAME", dimension_numbers=layout)
    return jax.nn.softmax(jnp.mean(jax.nn.relu(y), (1, 2)))


def pack(model: Any) -> bytes:
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def tensor(name: str, shape: list[int], kind: int = 0, buffer: int = 0, **fields: Any) -> Any:
    made = schema.TensorT()
    made.name, made.shape, made.type, made.buffer = name, shape, kind, buffer
    for field, value in fields.items():
        setattr(made, field, value)
    return made


def operator(code: int, inputs: list[int], outputs: list[int], **fields: Any) -> Any:
    made = schema.OperatorT()
    made.opcodeIndex, made.inputs, made.outputs = code, inputs, outputs
    for field, value in fields.items():
        setattr(made, field, value)
    return made


def two_graphs() -> Any:
    """A WHILE with its two graphs, per-channel int8 weights, int4 weights, a custom operator."""
    model = schema.ModelT()
    model.version, model.description = 3, "made by hand"
    numbers = (schema.BuiltinOperator.WHILE, schema.BuiltinOperator.CUSTOM)
    model.operatorCodes = [schema.OperatorCodeT() for _ in numbers]
    for code, number in zip(model.operatorCodes, numbers, strict=True):
        code.builtinCode, code.deprecatedBuiltinCode, code.version = number, min(number, 127), 1
    model.operatorCodes[1].customCode = "MyOp"
    quantised = schema.QuantizationParametersT()
    quantised.scale, quantised.zeroPoint = [0.5, 0.25], [0, -3]
    quantised.min, quantised.max = [-1.0, -2.0], [1.0, 2.0]
    quantised.quantizedDimension = 1
    main = schema.SubGraphT()
    main.name = "main"
    main.tensors = [
        tensor("x", [1, 3], shapeSignature=[-1, 3]),
        tensor("w", [2, 2], schema.TensorType.INT8, 1, quantization=quantised),
        tensor("nibbles", [3], schema.TensorType.INT4, 2),
        tensor("y", [1, 3], isVariable=True),
    ]
    main.inputs, main.outputs = [0], [3]
    loop = schema.WhileOptionsT()
    loop.condSubgraphIndex, loop.bodySubgraphIndex = 1, 2
    main.operators = [
        operator(
            0, [0], [3], builtinOptionsType=schema.BuiltinOptions.WhileOptions, builtinOptions=loop
        ),
        operator(1, [0, -1, 1], [3]),
    ]
    inner = [schema.SubGraphT(), schema.SubGraphT()]
    for graph in inner:
        graph.tensors, graph.inputs, graph.outputs = [tensor("a", [])], [0], [0]
        graph.operators = []
    model.subgraphs = [main, *inner]
    model.buffers = [schema.BufferT() for _ in range(4)]
    model.buffers[1].data = [1, 2, 3, 4]
    model.buffers[2].data = [0x21, 0x03]
    model.buffers[3].data = list(b"2.5.0\0\0\0")
    note = schema.MetadataT()
    note.name, note.buffer = "min_runtime_version", 3
    model.metadata = [note]
    model.signatureDefs = [schema.SignatureDefT(), schema.SignatureDefT()]
    for signature, key, graph in zip(model.signatureDefs, ("run", "step"), (0, 2), strict=True):
        signature.signatureKey, signature.subgraphIndex = key, graph
        entry = schema.TensorMapT()
        entry.name, entry.tensorIndex = "value", 0
        signature.inputs, signature.outputs = [entry], [entry]
    return model


def plain(text: Any) -> str:
    return text.decode() if isinstance(text, bytes) else text or ""


def ints(vector: Any) -> list[int]:
    return [] if vector is None else [int(number) for number in vector]


def assert_same_facts(info: ModelInfo, content: bytes) -> None:
    """Everything that `read_tflite` says is what LiteRT's object API says."""
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    assert info.description == plain(model.description)
    assert info.size == len(content)
    assert len(info.subgraphs) == len(model.subgraphs)
    for graph, theirs in zip(info.subgraphs, model.subgraphs, strict=True):
        assert list(graph.inputs) == ints(theirs.inputs)
        assert list(graph.outputs) == ints(theirs.outputs)
        for ours, other in zip(graph.tensors, theirs.tensors or [], strict=True):
            assert_same_tensor(ours, other, model.buffers)
        for ours, other in zip(graph.operators, theirs.operators or [], strict=True):
            code = model.operatorCodes[other.opcodeIndex]
            number = max(code.builtinCode, code.deprecatedBuiltinCode)
            assert ours.name == (plain(code.customCode) or BUILTIN_NAMES[number])
            assert ours.version == code.version
            assert list(ours.inputs) == ints(other.inputs)
            assert list(ours.outputs) == ints(other.outputs)
            assert_same_options(ours.options, other.builtinOptions)
    for ours, other in zip(info.signatures, model.signatureDefs or [], strict=True):
        assert (ours.key, ours.subgraph) == (plain(other.signatureKey), other.subgraphIndex)
        assert ours.inputs == {plain(t.name): t.tensorIndex for t in other.inputs}
        assert ours.outputs == {plain(t.name): t.tensorIndex for t in other.outputs}
    assert {k: bytes(v) for k, v in info.metadata.items()} == {
        plain(m.name): bytes(model.buffers[m.buffer].data) for m in model.metadata or []
    }


def assert_same_tensor(ours: Any, theirs: Any, buffers: list[Any]) -> None:
    assert ours.name == plain(theirs.name)
    sizes = ints(theirs.shapeSignature) or ints(theirs.shape)
    assert list(ours.shape) == [None if size < 0 else size for size in sizes]
    assert TYPE_NAMES.index(ours.dtype) == theirs.type
    assert (ours.buffer, ours.variable) == (theirs.buffer, theirs.isVariable)
    data = buffers[theirs.buffer].data if buffers else None
    if data is None or len(data) == 0:
        assert ours.data is None
    else:
        assert bytes(ours.data) == bytes(data)
    quantised = theirs.quantization
    if ours.quantisation is None:
        assert quantised is None or quantised.scale is None
    else:
        np.testing.assert_array_equal(ours.quantisation.scale, quantised.scale)
        np.testing.assert_array_equal(ours.quantisation.zero_point, quantised.zeroPoint)
        assert ours.quantisation.axis == quantised.quantizedDimension


def assert_same_options(ours: dict[str, Any], theirs: Any) -> None:
    enumerations = {
        "padding": schema.Padding,
        "fused_activation_function": schema.ActivationFunctionType,
    }
    for name, value in ours.items():
        first, *rest = name.split("_")
        other = getattr(theirs, first + "".join(word.title() for word in rest))
        if name in enumerations:
            assert getattr(enumerations[name], value) == other
        elif name.endswith("_type"):
            assert TYPE_NAMES[other] == value
        else:
            assert value == other


def test_our_own_file() -> None:
    content = export_tflite(conv, TensorSpec((None, 8, 8, 2)), verify=False).content
    info = read_tflite(content)
    assert_same_facts(info, content)
    assert info.ops == {"CONV_2D": 1, "MEAN": 1, "SOFTMAX": 1}
    assert info.main.operators[0].options["stride_h"] == 2
    assert info.inputs[0].describe() == "float32[?, 8, 8, 2]"
    kernel = info.main.tensors[info.main.operators[0].inputs[1]].values()
    np.testing.assert_array_equal(kernel, np.transpose(W, (3, 0, 1, 2)))


def test_a_file_of_tensorflow(tmp_path: Path) -> None:
    info = read_tflite(SINE)
    assert_same_facts(info, SINE.read_bytes())
    assert info.ops == {"FULLY_CONNECTED": 3}
    assert info.min_runtime_version == "1.5.0"


def test_several_graphs_signatures_quantisation_and_custom_operators() -> None:
    content = pack(two_graphs())
    info = read_tflite(content)
    assert_same_facts(info, content)
    loop, custom = info.main.operators
    assert (loop.name, loop.subgraphs) == ("WHILE", (1, 2))
    assert (custom.name, custom.custom, custom.inputs) == ("MyOp", True, (0, -1, 1))
    weights = info.main.tensors[1].quantisation
    assert weights is not None
    assert weights.per_channel
    assert weights.zero_point.tolist() == [0, -3]
    assert info.main.tensors[2].bytes == 2
    assert info.main.tensors[2].values() is None
    assert info.min_runtime_version == "2.5.0"
    assert [s.key for s in info.signatures] == ["run", "step"]


def test_weights_behind_the_flatbuffer() -> None:
    model = two_graphs()
    model.buffers[1].data = None
    model.buffers[1].offset, model.buffers[1].size = 1 << 20, 4  # wide, so that it packs as it is
    head = pack(model)
    content = head.ljust(1 << 20, b"\0") + bytes([1, 2, 3, 4])
    data = read_tflite(content).main.tensors[1].data
    assert data is not None
    assert data.tolist() == [1, 2, 3, 4]
    with pytest.raises(CorruptModelError, match=r"buffer 1\.offset"):
        read_tflite(content[:-1])


def test_names_of_operators_and_types_are_the_schemas() -> None:
    numbers = {k: v for k, v in vars(schema.BuiltinOperator).items() if not k.startswith("_")}
    assert {name: i for i, name in enumerate(BUILTIN_NAMES)} == numbers
    types = {k.lower(): v for k, v in vars(schema.TensorType).items() if not k.startswith("_")}
    assert {name: i for i, name in enumerate(TYPE_NAMES)} == types


def broken(change: Any) -> bytes:
    model = two_graphs()
    change(model)
    return pack(model)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda m: setattr(m.subgraphs[0].tensors[0], "type", 99), "tensor 0.type: a number from"),
        (lambda m: setattr(m.subgraphs[0].tensors[0], "buffer", 9), "below 4, got 9"),
        (lambda m: setattr(m.subgraphs[0].tensors[1], "shape", [2, 3]), "6 bytes for int8"),
        (lambda m: setattr(m.subgraphs[0].tensors[0], "shapeSignature", [3]), "2 sizes, got 1"),
        (lambda m: setattr(m.subgraphs[0], "inputs", [-1]), "tensor numbers from 0 to 3"),
        (lambda m: setattr(m.subgraphs[0], "outputs", [4]), "tensor numbers from 0 to 3"),
        (lambda m: setattr(m.subgraphs[0].operators[1], "inputs", [-2]), "numbers from -1 to 3"),
        (lambda m: setattr(m.subgraphs[0].operators[1], "opcodeIndex", 2), "below 2, got 2"),
        (lambda m: setattr(m.operatorCodes[0], "builtinCode", 9999), "a number from 0 to 209"),
        (lambda m: setattr(m.signatureDefs[0], "subgraphIndex", 3), "below 3, got 3"),
        (lambda m: setattr(m.signatureDefs[1].inputs[0], "tensorIndex", 1), "below 1, got 1"),
        (lambda m: setattr(m.metadata[0], "buffer", 4), "below 4, got 4"),
        (lambda m: setattr(m, "version", 4), "model.version: 3, got 4"),
        (lambda m: setattr(m, "subgraphs", []), "at least one, got none"),
        (
            lambda m: setattr(m.subgraphs[0].operators[0].builtinOptions, "bodySubgraphIndex", 7),
            "subgraphs below 3",
        ),
        (
            lambda m: setattr(m.subgraphs[0].operators[0].builtinOptions, "bodySubgraphIndex", 0),
            "subgraphs that do not run themselves",
        ),
        (
            lambda m: setattr(m.subgraphs[0].tensors[1].quantization, "zeroPoint", [0]),
            "2 numbers, as of scale, got 1",
        ),
        (
            lambda m: setattr(m.subgraphs[0].tensors[1].quantization, "quantizedDimension", 2),
            "below 2, got 2",
        ),
        (
            lambda m: setattr(m.subgraphs[0].tensors[1].quantization, "scale", [1.0] * 2 + [0.0]),
            "3 numbers, as of scale, got 2",
        ),
    ],
)
def test_contradictions_are_refused_with_their_place(change: Any, words: str) -> None:
    with pytest.raises(CorruptModelError) as caught:
        read_tflite(broken(change))
    assert words in str(caught.value)
    assert "damaged" in str(caught.value)


def test_files_that_are_none(tmp_path: Path) -> None:
    empty = tmp_path / "empty.tflite"
    empty.write_bytes(b"")
    with pytest.raises(CorruptModelError, match="at least 8 bytes, got 0"):
        read_tflite(empty)
    with pytest.raises(CorruptModelError, match="identifier b'TFL3'"):
        read_tflite(b"PK\x03\x04" + bytes(100))
    with pytest.raises(FileNotFoundError):
        read_tflite(tmp_path / "absent.tflite")


@pytest.mark.parametrize("quantize", ["int8", "float16", "dynamic"])
def test_our_quantised_files(quantize: str) -> None:
    data = [np.ones((1, 8, 8, 2), np.float32)] if quantize == "int8" else None
    spec = TensorSpec((None, 8, 8, 2))
    report = export_tflite(conv, spec, quantize=quantize, representative=data, verify=False)
    assert_same_facts(read_tflite(report.content), report.content)
