"""TensorFlow's attributes for quantisation, and folders of saved models."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from nnlib.tflite_export import (
    ExportError,
    Interpreter,
    OpsSet,
    Optimize,
    QuantisationError,
    RepresentativeDataset,
    TargetSpec,
    TensorSpec,
    TFLiteConverter,
)
from nnlib.tflite_export.verify import run

import nnlib as nn
from nnlib import layers

RNG = np.random.default_rng(0)
W = RNG.normal(size=(32, 40)).astype(np.float32)
X = RNG.normal(size=(24, 32)).astype(np.float32)
INT16X8 = OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8


def dense(x: jax.Array) -> jax.Array:
    return jax.nn.relu(x @ W)


def samples() -> Iterator[list[np.ndarray]]:
    for row in X:
        yield [row[None]]


def converter(fn: Any = dense, **attributes: Any) -> TFLiteConverter:
    made = TFLiteConverter.from_function(fn, TensorSpec((None, 32)))
    made.optimizations = [Optimize.DEFAULT]
    for name, value in attributes.items():
        assert hasattr(made, name)
        setattr(made, name, value)
    return made


def weight_types(content: bytes) -> set[int]:
    graph = schema.ModelT.InitFromPackedBuf(content, 0).subgraphs[0]
    return {tensor.type for tensor in graph.tensors if list(tensor.shape) == [40, 32]}


def io_types(content: bytes) -> tuple[Any, Any]:
    runner = Interpreter(model_content=content)
    return runner.get_input_details()[0]["dtype"], runner.get_output_details()[0]["dtype"]


def test_default_stores_int8_weights() -> None:
    content = converter().convert()
    assert weight_types(content) == {schema.TensorType.INT8}
    assert io_types(content) == (np.float32, np.float32)


@pytest.mark.parametrize("dtype", [np.float16, jnp.float16, "float16"])
def test_float16(dtype: Any) -> None:
    content = converter(target_spec=TargetSpec(supported_types=[dtype])).convert()
    assert schema.TensorType.FLOAT16 in weight_types(content)


@pytest.mark.parametrize("data", [samples, RepresentativeDataset(samples)])
def test_full_integer(data: Any) -> None:
    made = converter(representative_dataset=data)
    made.target_spec.supported_ops = [OpsSet.TFLITE_BUILTINS_INT8]
    made.inference_input_type = np.uint8
    made.inference_output_type = np.int8
    content = made.convert()
    assert io_types(content) == (np.uint8, np.int8)
    runner = Interpreter(model_content=content)
    scale, zero = runner.get_input_details()[0]["quantization"]
    stored = np.clip(np.rint(X / scale) + zero, 0, 255).astype(np.uint8)
    (y,) = run(runner, [stored])
    scale, zero = runner.get_output_details()[0]["quantization"]
    np.testing.assert_allclose((y.astype(float) - zero) * scale, dense(X), atol=0.3)


def test_int16x8() -> None:
    made = converter(representative_dataset=samples, inference_input_type=np.int16)
    made.target_spec.supported_ops = [INT16X8]
    assert io_types(made.convert()) == (np.int16, np.float32)


def test_integers_alone_refuse_what_would_stay_float() -> None:
    made = converter(lambda x: jnp.exp(x @ W), representative_dataset=samples)
    made.target_spec.supported_ops = [OpsSet.TFLITE_BUILTINS_INT8]
    with pytest.raises(QuantisationError, match=r"EXP .*Add OpsSet.TFLITE_BUILTINS"):
        made.convert()
    made.target_spec.supported_ops = [OpsSet.TFLITE_BUILTINS, OpsSet.TFLITE_BUILTINS_INT8]
    assert made.convert()


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"optimizations": ["DEFAULT"]}, r"members of Optimize, got \['DEFAULT'\]"),
        ({"optimizations": [], "representative_dataset": samples}, r"\[Optimize.DEFAULT\]"),
        ({"optimizations": [], "target_spec": TargetSpec([INT16X8])}, "asks for a quantisation"),
        ({"target_spec": TargetSpec([OpsSet.SELECT_TF_OPS])}, "Add OpsSet.TFLITE_BUILTINS"),
        ({"target_spec": TargetSpec(["x"])}, "members of OpsSet"),
        ({"target_spec": TargetSpec([OpsSet.TFLITE_BUILTINS_INT8])}, "representative_dataset"),
        ({"target_spec": TargetSpec(supported_types=[np.int32])}, "float16 or int8"),
        ({"inference_input_type": np.int8}, "float32 for quantize='dynamic'"),
        ({"optimizations": [], "inference_input_type": np.int8}, "quantize='int8'"),
        (
            {"representative_dataset": samples, "inference_input_type": np.int16},
            "float32 or int8 or uint8",
        ),
    ],
)
def test_refusals(attributes: dict[str, Any], message: str) -> None:
    with pytest.raises(QuantisationError, match=message):
        converter(**attributes).convert()


def test_from_saved_model(tmp_path: Path) -> None:
    model = nn.models.Sequential([nn.Input((6,)), layers.Dense(4, activation="tanh")])
    model.save(tmp_path / "saved")
    made = TFLiteConverter.from_saved_model(str(tmp_path / "saved"), ["serving_default"])
    x = RNG.normal(size=(5, 6)).astype(np.float32)
    (y,) = run(Interpreter(model_content=made.convert()), [x])
    np.testing.assert_allclose(y, np.asarray(model(x)), atol=1e-5)
    with pytest.raises(ExportError, match="signature_keys"):
        TFLiteConverter.from_saved_model(tmp_path / "saved", ["other"])


def test_form_of_recurrent_layers() -> None:
    def fn(x: jax.Array) -> jax.Array:
        step = lambda h, now: (jnp.tanh(h + now), None)  # noqa: E731
        return jax.lax.scan(step, x[:, 0], jnp.swapaxes(x, 0, 1))[0]

    made = TFLiteConverter.from_function(fn, TensorSpec((None, 3, 4)))
    graphs = [len(schema.ModelT.InitFromPackedBuf(made.convert(), 0).subgraphs)]
    made.rnn = "unroll"
    graphs.append(len(schema.ModelT.InitFromPackedBuf(made.convert(), 0).subgraphs))
    assert graphs == [3, 1]  # a loop has a condition and a body
    made.rnn = "loop"
    with pytest.raises(ExportError, match="rnn='unroll'"):
        made.convert()
