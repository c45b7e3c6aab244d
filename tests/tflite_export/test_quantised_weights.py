"""float16 and dynamic range: what is stored, which kernels run, how exact the results are."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from jax import lax
from nnlib.tflite_export import (
    ExportMismatchError,
    Interpreter,
    QuantisationError,
    Quantise,
    Report,
    TensorSpec,
    export_tflite,
)

import nnlib as nn
from nnlib import layers

RNG = np.random.default_rng(0)
TYPE = schema.TensorType
IMAGE = TensorSpec((None, 8, 8, 16))
LAYOUT = ("NHWC", "HWIO", "NHWC")
W = RNG.normal(size=(64, 32)).astype(np.float32)
HWIO = RNG.normal(size=(3, 3, 16, 16)).astype(np.float32)
DEPTH = RNG.normal(size=(3, 3, 1, 128)).astype(np.float32)
TABLE = RNG.normal(size=(40, 32)).astype(np.float32)


def read(report: Report) -> Any:
    return schema.ModelT.InitFromPackedBuf(report.content, 0)


def constants(report: Report) -> dict[tuple[int, ...], Any]:
    """Constant tensors by shape."""
    model = read(report)
    return {
        tuple(t.shape): t
        for graph in model.subgraphs
        for t in graph.tensors
        if model.buffers[t.buffer].data is not None
    }


def versions(report: Report) -> dict[int, int]:
    return {code.builtinCode: code.version for code in read(report).operatorCodes}


def partitions(report: Report) -> int:
    interpreter = Interpreter(model_content=report.content)
    interpreter.allocate_tensors()
    names = [details["op_name"] for details in interpreter._get_ops_details()]
    return names.count("DELEGATE")


def conv(x: jax.Array, kernel: np.ndarray, groups: int = 1) -> jax.Array:
    return lax.conv_general_dilated(
        x, kernel, (1, 1), "SAME", dimension_numbers=LAYOUT, feature_group_count=groups
    )


def dense(x: jax.Array) -> jax.Array:
    return x @ W + 1.0


X = TensorSpec((None, 64))


def test_float16_halves_the_file_in_one_partition() -> None:
    plain = export_tflite(dense, X, verify=False)
    report = export_tflite(dense, X, quantize="float16")
    assert constants(report)[32, 64].type == TYPE.FLOAT16
    assert plain.bytes - report.bytes > W.nbytes // 2 - 500
    assert report.ops == {"DEQUANTIZE": 2, "FULLY_CONNECTED": 1}
    assert partitions(report) == 1
    assert report.quantisation is not None
    assert report.quantisation.snr[0] is not None
    assert report.quantisation.snr[0] > 60


def test_float16_keeps_numbers_that_a_half_cannot_hold() -> None:
    for scale in (1e6, 1e-7):
        report = export_tflite(lambda x, s=scale: x @ (W * s), X, quantize="float16")
        assert report.ops == {"FULLY_CONNECTED": 1}


def test_float16_dequantises_equal_constants_once() -> None:
    copy = W.copy()

    def twice(x: jax.Array) -> Any:
        return x @ W, jnp.tanh(x) @ copy

    assert export_tflite(twice, X, quantize="float16").ops["DEQUANTIZE"] == 1


def test_dynamic_uses_hybrid_kernels_with_a_scale_for_each_channel() -> None:
    def fn(x: jax.Array) -> jax.Array:
        return conv(x, HWIO).reshape(-1, 64) @ W

    report = export_tflite(fn, IMAGE, quantize="dynamic")
    assert report.ops == {"CONV_2D": 1, "FULLY_CONNECTED": 1, "RESHAPE": 1}
    kernel = constants(report)[16, 3, 3, 16]
    assert kernel.type == TYPE.INT8
    top = np.abs(HWIO).max((0, 1, 2)) / 127
    np.testing.assert_allclose(kernel.quantization.scale, top, rtol=1e-6)
    assert kernel.quantization.quantizedDimension == 0
    assert versions(report)[schema.BuiltinOperator.CONV_2D] == 5
    assert versions(report)[schema.BuiltinOperator.FULLY_CONNECTED] == 12


def test_dynamic_depthwise_weights_are_dequantised_in_one_partition() -> None:
    report = export_tflite(
        lambda x: conv(x, DEPTH, 128), TensorSpec((None, 4, 4, 128)), quantize="dynamic"
    )
    assert report.ops == {"DEPTHWISE_CONV_2D": 1, "DEQUANTIZE": 1}
    assert constants(report)[1, 3, 3, 128].quantization.quantizedDimension == 3
    assert partitions(report) == 1


def test_dynamic_grouped_and_transposed_convolutions() -> None:
    grouped = RNG.normal(size=(3, 3, 8, 32)).astype(np.float32)

    def fn(x: jax.Array) -> Any:
        up = lax.conv_transpose(x, HWIO, (2, 2), "SAME", dimension_numbers=LAYOUT)
        return conv(x, grouped, 2), up

    assert export_tflite(fn, IMAGE, quantize="dynamic").ops["DEQUANTIZE"] == 2


def test_dynamic_looks_up_int8_rows() -> None:
    report = export_tflite(
        lambda i: jnp.take(TABLE, i, axis=0, mode="clip") * 2.0,
        TensorSpec((None, 5), np.int32),
        quantize="dynamic",
    )
    assert report.ops == {"DEQUANTIZE": 1, "GATHER": 1, "MUL": 1}
    assert constants(report)[40, 32].type == TYPE.INT8


def test_dynamic_matrix_in_a_batched_product() -> None:
    batch = RNG.normal(size=(2, 32, 32)).astype(np.float32)
    report = export_tflite(
        lambda x: jnp.einsum("bij,bjk->bik", x, batch), TensorSpec((2, 4, 32)), quantize="dynamic"
    )
    assert report.ops["DEQUANTIZE"] == 1


def test_small_and_kept_weights_stay_float() -> None:
    small = W[:, :15]  # 960 elements
    assert constants(export_tflite(lambda x: x @ small, X, quantize="dynamic"))[15, 64].type == 0
    options = Quantise("dynamic", keep_float=["FULLY_CONNECTED"])
    assert constants(export_tflite(dense, X, quantize=options))[32, 64].type == 0
    with pytest.raises(QuantisationError, match=r"names none.*test_quantised_weights.py"):
        export_tflite(dense, X, quantize=Quantise("dynamic", keep_float=["nothing"]))


def test_layers_are_kept_by_their_path() -> None:
    model = nn.models.Sequential(
        [
            nn.Input((64,)),
            layers.Dense(32, activation="relu", name="first"),
            layers.Dense(33, name="second"),
        ]
    )
    report = export_tflite(model, quantize=Quantise("dynamic", keep_float=["*/first"]))
    found = constants(report)
    assert (found[32, 64].type, found[33, 32].type) == (TYPE.FLOAT32, TYPE.INT8)


def test_equal_quantisation_vectors_are_stored_once() -> None:
    matrices = [RNG.normal(size=(32, 32)).astype(np.float32) for _ in range(8)]
    for matrix in matrices:
        matrix[0] = 9.0  # one range, and so one set of scales, for all columns of all matrices

    def fn(x: jax.Array) -> jax.Array:
        for matrix in matrices:
            x = jnp.tanh(x @ matrix)
        return x

    report = export_tflite(fn, TensorSpec((None, 32)), quantize="dynamic", verify=False)
    one = export_tflite(
        lambda x: jnp.tanh(x @ matrices[0]), TensorSpec((None, 32)), quantize="dynamic"
    )
    # Each further layer takes its weights and two operators, but no vectors of 32 scales.
    assert report.bytes - one.bytes < 7 * (32 * 32 + 230)


def test_a_loop_holds_int8_weights() -> None:
    square = RNG.normal(size=(32, 32)).astype(np.float32) / 8

    def fn(x: jax.Array) -> jax.Array:
        return lax.fori_loop(0, 3, lambda i, y: jnp.tanh(y @ square), x)

    for mode, kind in (("dynamic", TYPE.INT8), ("float16", TYPE.FLOAT16)):
        report = export_tflite(fn, TensorSpec((None, 32)), quantize=mode)
        assert report.ops["WHILE"] == 1
        assert constants(report)[32, 32].type == kind


def test_a_lost_output_is_an_error() -> None:
    wild = W.copy()
    wild[0] = 1e6  # 127 steps for values that differ by a million
    with pytest.raises(ExportMismatchError, match=r"signal-to-noise.*keep_float"):
        export_tflite(
            lambda x: jnp.tanh(x * np.eye(64, dtype=np.float32)[None, 1]) @ wild,
            X,
            quantize="dynamic",
        )


def test_arguments_that_do_not_go_together() -> None:
    for options, message in (
        ({"quantize": "int4"}, "'float16', 'dynamic', 'int8' or 'int16x8'"),
        ({"representative": [1]}, "quantize=... with it"),
        ({"io_dtype": "int8"}, "float32 for quantize=None"),
        ({"quantize": "dynamic", "io_dtype": "int8"}, "float32 for quantize='dynamic'"),
        ({"quantize": "int8"}, "data that the model will see"),
    ):
        with pytest.raises(QuantisationError, match=message):
            export_tflite(dense, X, **options)  # type: ignore[arg-type]
    with pytest.raises(QuantisationError, match="sequence of patterns"):
        Quantise("int8", keep_float="x")
