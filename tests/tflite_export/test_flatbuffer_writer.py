"""The bytes of a file, read back by LiteRT's schema: alignment, sharing, signatures, versions."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from nnlib.tflite_export import Interpreter, TensorSpec, export_tflite

W = np.random.default_rng(0).normal(size=(6, 6)).astype(np.float32)


def read(content: bytes) -> Any:
    return schema.ModelT.InitFromPackedBuf(content, 0)


def mlp(x: jax.Array) -> jax.Array:
    return jax.nn.softmax(jax.nn.relu(x @ W + 1.0) @ (2 * W))


@pytest.fixture
def content() -> bytes:
    return export_tflite(mlp, TensorSpec((None, 6)), verify=False).content


def test_identifier_and_version(content: bytes) -> None:
    assert content[4:8] == b"TFL3"
    assert read(content).version == 3


def test_buffers_start_at_multiples_of_16(content: bytes) -> None:
    model = schema.Model.GetRootAs(content)
    used = 0
    for number in range(model.BuffersLength()):
        data = model.Buffers(number).DataAsNumpy()
        if isinstance(data, np.ndarray) and data.size:
            address = data.__array_interface__["data"][0]
            start = address - np.frombuffer(content, np.uint8).__array_interface__["data"][0]
            assert start % 16 == 0
            used += 1
    assert used >= 2


def test_buffer_0_is_empty(content: bytes) -> None:
    assert read(content).buffers[0].data is None


def test_equal_constants_are_stored_once() -> None:
    copy = W.copy()

    def twice(x: jax.Array) -> jax.Array:
        return (x @ W) @ copy

    report = export_tflite(twice, TensorSpec((None, 6)), verify=False)
    buffers = [
        b for b in read(report.content).buffers if b.data is not None and len(b.data) == W.nbytes
    ]
    assert report.ops == {"FULLY_CONNECTED": 2}
    assert len(buffers) == 1


def test_every_buffer_is_used(content: bytes) -> None:
    model = read(content)
    used = {t.buffer for t in model.subgraphs[0].tensors} | {m.buffer for m in model.metadata}
    assert used == set(range(len(model.buffers)))


def test_free_sizes_are_minus_one(content: bytes) -> None:
    graph = read(content).subgraphs[0]
    entry = graph.tensors[graph.inputs[0]]
    assert list(entry.shape) == [1, 6]
    assert list(entry.shapeSignature) == [-1, 6]
    assert graph.tensors[graph.outputs[0]].shapeSignature.tolist() == [-1, 6]


def test_fixed_sizes_have_no_signature() -> None:
    graph = read(export_tflite(mlp, TensorSpec((2, 6)), verify=False).content).subgraphs[0]
    assert all(tensor.shapeSignature is None for tensor in graph.tensors)
    assert graph.tensors[graph.inputs[0]].shape.tolist() == [2, 6]


def test_operator_codes_carry_both_numbers_and_versions() -> None:
    def fn(x: jax.Array) -> jax.Array:
        return jax.nn.gelu(jnp.expand_dims(x, 1) @ W)

    codes = {
        c.builtinCode: c
        for c in read(export_tflite(fn, TensorSpec((None, 6))).content).operatorCodes
    }
    gelu = codes[schema.BuiltinOperator.GELU]
    assert gelu.deprecatedBuiltinCode == 127
    dense = codes[schema.BuiltinOperator.FULLY_CONNECTED]
    assert dense.deprecatedBuiltinCode == 9
    assert dense.version == 6  # no bias


def test_signature_names_come_from_arguments_keys_and_specs() -> None:
    def fn(image: jax.Array, extra: Any) -> Any:
        return {"total": image + extra["mask"], "pair": (image, extra["other"])}

    specs = (
        TensorSpec((None, 2)),
        {"mask": TensorSpec((None, 2)), "other": TensorSpec((None, 2), name="named")},
    )
    report = export_tflite(fn, specs, name="infer")
    runner = Interpreter(model_content=report.content).get_signature_runner("infer")
    assert set(runner.get_input_details()) == {"image", "mask", "named"}
    assert set(runner.get_output_details()) == {"total", "pair_0", "pair_1"}
    one = np.ones((1, 2), np.float32)
    result = runner(image=one, mask=2 * one, named=3 * one)
    np.testing.assert_array_equal(result["total"], 3 * one)
    np.testing.assert_array_equal(result["pair_1"], 3 * one)


def test_outputs_are_numbered_without_a_dict() -> None:
    report = export_tflite(lambda x: (x + 1, x + 2), TensorSpec((None, 2)))
    assert [detail.name for detail in report.outputs] == ["output_0", "output_1"]


def test_same_function_gives_the_same_bytes() -> None:
    spec = TensorSpec((None, 6))
    first = export_tflite(mlp, spec, verify=False).content
    assert first == export_tflite(mlp, spec, verify=False).content
