"""Full integer files: scales, conversions between integers and floats, what stays float."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from jax import lax
from nnlib.tflite_export import (
    Calibration,
    ExportMismatchError,
    Interpreter,
    QuantisationError,
    Quantise,
    Report,
    TensorSpec,
    debug_quantisation,
    export_tflite,
)
from nnlib.tflite_export.quantise.running import run_real

import nnlib as nn
from nnlib import layers

RNG = np.random.default_rng(0)
W = RNG.normal(size=(16, 16)).astype(np.float32)
X = RNG.normal(size=(32, 16)).astype(np.float32)
SPEC = TensorSpec((None, 16))


def int8(fn: Any, *specs: TensorSpec, data: Any = None, **options: Any) -> Report:
    return export_tflite(
        fn,
        specs or (SPEC,),
        quantize="int8",
        representative=[X] if data is None else data,
        **options,
    )


def tensors(report: Report) -> Any:
    return schema.ModelT.InitFromPackedBuf(report.content, 0).subgraphs[0].tensors


def snr(report: Report) -> float:
    assert report.quantisation is not None
    return min(ratio for ratio in report.quantisation.snr if ratio is not None)


def test_bias_has_the_scale_of_input_times_weights() -> None:
    report = int8(lambda x: x @ W + 1.0, io_dtype="int8")
    assert report.ops == {"FULLY_CONNECTED": 1}
    found = {tensor.type: tensor.quantization for tensor in tensors(report)[:3]}
    weights = next(t for t in tensors(report) if list(t.shape) == [16, 16])
    bias = found[schema.TensorType.INT32]
    entry = tensors(report)[0].quantization
    product = entry.scale[0] * weights.quantization.scale
    np.testing.assert_allclose(bias.scale, product, rtol=1e-6)
    np.testing.assert_allclose(weights.quantization.scale, np.abs(W).max(0) / 127, rtol=1e-6)
    assert not weights.quantization.zeroPoint.any()


def test_inputs_and_outputs_are_what_is_asked_for() -> None:
    fn = lambda x: jax.nn.relu(x @ W)  # noqa: E731
    for io_dtype, expected in (
        (None, ("float32", "float32")),
        ("int8", ("int8", "int8")),
        (np.uint8, ("uint8", "uint8")),
        (("uint8", None), ("uint8", "float32")),
    ):
        report = int8(fn, io_dtype=io_dtype)
        assert (report.inputs[0].dtype, report.outputs[0].dtype) == expected
        assert snr(report) > 30
    with pytest.raises(QuantisationError, match="float32 or int8 or uint8"):
        int8(fn, io_dtype="int16")


def test_mean_has_a_scale_of_its_own() -> None:
    """Keeping that of the feature map cost ResNet50 a quarter of its accuracy."""
    image = RNG.normal(size=(8, 16, 16, 4)).astype(np.float32)
    report = int8(lambda x: x.mean((1, 2)), TensorSpec((None, 16, 16, 4)), data=[image])
    entry, *_, result = [t.quantization for t in tensors(report) if t.type == 9]
    assert result.scale[0] < entry.scale[0] / 8
    assert snr(report) > 15


def test_concatenation_computes_its_operands_in_one_scale() -> None:
    def fn(x: jax.Array) -> jax.Array:
        return jnp.concatenate([x @ W, jax.nn.relu(x @ W[::-1]) * 4, jax.nn.sigmoid(x)], -1)

    report = int8(fn, io_dtype="int8")
    # The sigmoid has a fixed scale; the other two are made in that of the result.
    assert report.ops["QUANTIZE"] == 1
    assert snr(report) > 25


def test_a_value_read_elsewhere_keeps_its_own_scale() -> None:
    def fn(x: jax.Array) -> Any:
        small = x @ (W * 0.01)
        return jnp.concatenate([small, x @ W], -1), small

    assert snr(int8(fn)) > 25


def test_operators_without_kernel_run_on_floats_in_between() -> None:
    report = int8(lambda x: jnp.exp(jnp.tanh(x @ W)) @ W, io_dtype="int8")
    assert report.ops == {
        "DEQUANTIZE": 1,
        "EXP": 1,
        "FULLY_CONNECTED": 2,
        "QUANTIZE": 1,
        "TANH": 1,
    }
    assert report.quantisation is not None
    assert [text.split()[0] for text in report.quantisation.kept_float] == ["EXP"]
    assert "float EXP" in str(report)


def test_variances_reach_the_root_as_floats() -> None:
    """In 256 steps a small variance is 0, and so is the epsilon added to it."""

    def norm(x: jax.Array) -> jax.Array:
        y = x * jnp.linspace(0.01, 3, 32)[: x.shape[0] * 0 + 1, None]
        mean = y.mean(-1, keepdims=True)
        return (y - mean) * lax.rsqrt(jnp.square(y - mean).mean(-1, keepdims=True) + 1e-5)

    report = int8(norm)
    assert report.quantisation is not None
    kept = [text.split()[0] for text in report.quantisation.kept_float]
    assert kept == ["ADD", "RSQRT"]


def test_padding_of_a_max_pool_is_the_lowest_step() -> None:
    image = RNG.normal(size=(4, 5, 5, 2)).astype(np.float32) - 3

    def fn(x: jax.Array) -> jax.Array:
        pads = ((0, 0), (2, 0), (2, 0), (0, 0))
        return lax.reduce_window(x, -jnp.inf, lax.max, (1, 3, 3, 1), (1, 2, 2, 1), pads)

    report = int8(fn, TensorSpec((None, 5, 5, 2)), data=[image], io_dtype="int8")
    assert "PADV2" in report.ops
    assert snr(report) > 35


def test_a_bias_beyond_int32_gets_larger_steps() -> None:
    tiny = (W * 1e-9).astype(np.float32)
    report = int8(lambda x: x @ tiny + 3.0)
    assert snr(report) > 40


def test_channels_and_values_of_nothing_but_zeros() -> None:
    holes = W.copy()
    holes[:, 3] = 0
    report = int8(lambda x: (x @ holes + 1.0, x @ np.zeros_like(W), x * 0.0))
    runner = Interpreter(model_content=report.content)
    y, z, nothing = run_real(runner, [X])
    np.testing.assert_allclose(y[:, 3], 1.0, atol=0.1)
    assert not z.any()
    assert not nothing.any()


def test_embeddings_are_looked_up_as_integers() -> None:
    model = nn.models.Sequential(
        [nn.Input((7,), dtype="int32"), layers.Embedding(20, 8), layers.GlobalAveragePooling1D()]
    )
    tokens = RNG.integers(0, 20, size=(16, 7))
    report = export_tflite(model, quantize="int8", representative=tokens, io_dtype="int8")
    assert report.ops == {"GATHER": 1, "MEAN": 1}
    assert report.inputs[0].dtype == "int32"


@pytest.mark.parametrize("rnn", ["while", "unroll"])
@pytest.mark.parametrize("mode", ["int8", "int16x8"])
def test_recurrent_models(rnn: str, mode: str) -> None:
    model = nn.models.Sequential([nn.Input((4, 3)), layers.GRU(8), layers.Dense(2)])
    data = RNG.normal(size=(16, 4, 3)).astype(np.float32)
    report = export_tflite(model, quantize=mode, representative=data, rnn=rnn)
    assert report.quantisation is not None
    kept = {text.split()[0] for text in report.quantisation.kept_float}
    assert not kept & {"WHILE", "FULLY_CONNECTED", "LOGISTIC", "TANH"}
    # Only a state that rounding would add up in is left in float.
    assert ("MUL" in kept) == (rnn == "while" and mode == "int8")
    assert snr(report) > 25


def test_several_signatures_have_data_of_their_own() -> None:
    signatures = {"one": (lambda x: x @ W, SPEC), "two": (lambda x: jnp.tanh(x @ W), SPEC)}
    data = {"one": [X], "two": [X]}
    report = export_tflite(None, signatures=signatures, quantize="int8", representative=data)
    assert report.quantisation is not None
    assert len(report.quantisation.snr) == 2
    with pytest.raises(QuantisationError, match="signatures one, two"):
        export_tflite(None, signatures=signatures, quantize="int8", representative=[X])


def test_calibration_by_percentile_and_error() -> None:
    data = RNG.standard_t(2, size=(4096, 16)).astype(np.float32)
    whole = float(data.max() - data.min()) / 255
    for method in (Calibration("percentile", 99.5), Calibration("mse")):
        options = Quantise("int8", calibration=method)
        report = export_tflite(
            lambda x: x @ W, SPEC, quantize=options, representative=[data], verify=False
        )
        entry = next(t.quantization for t in tensors(report) if t.type == 9)
        assert entry.scale[0] < 0.9 * whole


def outlier(x: jax.Array) -> jax.Array:
    with jax.named_scope("wide"):
        wide = (x @ W) * jnp.where(jnp.arange(16) == 0, 3000.0, 1.0)[None]
    return jnp.tanh(wide[:, 1:]) @ W[1:]


def test_a_broken_quantisation_is_an_error_and_the_debugger_finds_the_cause() -> None:
    with pytest.raises(ExportMismatchError, match="debug_quantisation"):
        int8(outlier)
    found = debug_quantisation(outlier, SPEC, representative=[X], proposals=2)
    assert found.snr < 5
    assert found.layers[0].kind == "FULLY_CONNECTED"
    assert found.layers[0].place.startswith("wide, ")
    best = max(found.proposals, key=lambda proposal: proposal.snr)
    assert best.snr > 25
    options = Quantise("int8", keep_float=best.keep_float)
    report = export_tflite(outlier, SPEC, quantize=options, representative=[X])
    assert snr(report) == pytest.approx(best.snr, abs=0.5)
    assert "keep_float=" in str(found)
    with pytest.raises(QuantisationError, match="no operators to keep"):
        debug_quantisation(outlier, SPEC, representative=[X], quantize="dynamic")


def test_report_ranks_layers() -> None:
    report = int8(lambda x: jnp.tanh(x @ W) @ W)
    assert report.quantisation is not None
    assert [layer.kind for layer in report.quantisation.layers] == [
        "FULLY_CONNECTED",
        "TANH",
        "FULLY_CONNECTED",
    ]
    worst = report.quantisation.worst(1)[0]
    assert worst.own == min(layer.own for layer in report.quantisation.layers)
    assert "dB" in str(worst)


def test_without_verification_nothing_runs() -> None:
    report = int8(lambda x: x @ W, verify=False)
    assert report.max_error is None
    assert report.quantisation is not None
    assert report.quantisation.snr == ()
    assert "not measured" in str(report)


def test_same_data_gives_the_same_bytes() -> None:
    first, second = (int8(lambda x: jnp.tanh(x @ W), verify=False).content for _ in range(2))
    assert first == second


@pytest.mark.parametrize("value", [-1e9, -np.inf])
@pytest.mark.parametrize("mode", ["int8", "int16x8"])
def test_masks_of_attention_do_not_take_up_the_range(mode: str, value: float) -> None:
    mask = np.tril(np.ones((6, 6), bool))[None]

    def attention(x: jax.Array) -> jax.Array:
        scores = jnp.where(mask, jnp.einsum("bqd,bkd->bqk", x, x), value)
        return jnp.einsum("bqk,bkd->bqd", jax.nn.softmax(scores), x)

    data = RNG.normal(size=(16, 6, 8)).astype(np.float32)
    spec = TensorSpec((None, 6, 8))
    report = export_tflite(attention, spec, quantize=mode, representative=data)
    assert snr(report) > (28 if mode == "int8" else 60)
