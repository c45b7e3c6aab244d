"""Data, weights and options that no quantiser expects: right, or refused in a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nnlib.tflite_export import (
    ExportMismatchError,
    QuantisationError,
    Quantise,
    TensorSpec,
    export_tflite,
)
from nnlib.tflite_export.quantise.samples import read_samples
from nnlib.tflite_export.trace import trace

import nnlib as nn
from nnlib import layers

RNG = np.random.default_rng(0)
W = RNG.normal(size=(8, 8)).astype(np.float32)
X = RNG.normal(size=(8, 8)).astype(np.float32)
SPEC = TensorSpec((None, 8))
TOKENS = TensorSpec((None, 3), np.int32, name="tokens")


def int8(fn: Any, data: Any = X, spec: Any = SPEC, **options: Any) -> Any:
    return export_tflite(fn, spec, quantize="int8", representative=data, **options)


@pytest.mark.parametrize(
    ("data", "spec", "words"),
    [
        ("data.npz", SPEC, "an iterable of samples, got 'data.npz'. Load files first"),
        (5, SPEC, "an iterable of samples, got 5"),
        ([["a"]], SPEC, "an array of float32, got <U1"),
        ([object()], SPEC, "an array of float32, got object"),
        ([X.astype(complex)], SPEC, "an array of float32, got complex128"),
        ([np.full((1, 8), 1e300)], SPEC, "finite numbers, got inf or NaN"),
        ({"nope": X}, SPEC, r"samples of 1 arrays \(x\), got a dict of nope"),
        ([{"nope": X}], SPEC, "got a dict of nope"),
        (np.zeros((0, 8)), SPEC, r"got shape \[0, 8\]"),
        ([X[:, :3]], TOKENS, "values that int32 holds, got others in float32"),
        ([np.full((1, 3), 2**40)], TOKENS, "values that int32 holds, got others in int64"),
    ],
)
def test_data_that_is_refused(data: Any, spec: TensorSpec, words: str) -> None:
    with pytest.raises(QuantisationError, match=words):
        list(read_samples(data, trace(lambda x: x + 1, spec)))


def test_data_of_other_dtypes_and_structures_that_fit() -> None:
    for data in (
        X.astype(np.float64),
        np.round(X).astype(int),
        X > 0,
        jnp.asarray(X, jnp.bfloat16),
    ):
        (sample,) = read_samples([data], trace(jnp.tanh, SPEC))
        np.testing.assert_array_equal(sample[0], np.asarray(data).astype(np.float32))
    (sample,) = read_samples([np.array([[1.0, 2.0, 3.0]])], trace(lambda t: t + 1, TOKENS))
    assert sample[0].dtype == np.int32
    nested = {"a": {"b": SPEC}}
    (sample,) = read_samples([{"a": {"b": X}}], trace(lambda tree: tree["a"]["b"] + 1, nested))
    assert sample[0].shape == (8, 8)


def test_an_error_of_the_users_generator_is_theirs() -> None:
    def broken() -> Iterator[np.ndarray]:
        yield X
        raise OSError("disk gone")

    with pytest.raises(OSError, match="disk gone"):
        int8(jnp.tanh, broken())


def test_indices_out_of_range_name_the_data() -> None:
    table = RNG.normal(size=(4, 2)).astype(np.float32)
    with pytest.raises(ExportMismatchError, match="indices in range"):
        int8(lambda t: jnp.asarray(table)[t], [np.full((1, 3), 9)], TOKENS)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"io_dtype": ("int8", "int8", "int8")}, "one for inputs and one for outputs, got 3"),
        ({"io_dtype": "nonsense"}, "float32 or int8 or uint8"),
        ({"quantize": Quantise("int8", keep_float=["nope/*"])}, "which names none"),
    ],
)
def test_options_that_are_refused(options: dict[str, Any], words: str) -> None:
    arguments = {"quantize": "int8", "representative": X, **options}
    with pytest.raises(QuantisationError, match=words):
        export_tflite(lambda x: x @ W, SPEC, **arguments)


def test_calibration_must_be_one() -> None:
    with pytest.raises(QuantisationError, match=r"Calibration\('mse'\)"):
        Quantise("int8", calibration="mse")  # type: ignore[arg-type]


def wrong(position: tuple[int, int], value: float) -> np.ndarray:
    weights = W.copy()
    weights[position] = value
    return weights


@pytest.mark.parametrize("weights", [wrong((0, 0), np.inf), wrong((0, 0), np.nan)])
def test_weights_that_integers_cannot_hold_stay_float(weights: np.ndarray) -> None:
    report = int8(lambda x: x @ weights)
    assert report.ops == {"FULLY_CONNECTED": 1}
    assert report.quantisation.kept_float


@pytest.mark.parametrize("factor", [0.0, 1e-40, 1e-30, 1e-12, 1e12, 1e30])
def test_values_and_weights_of_every_size(factor: float) -> None:
    data = (X * np.float32(factor)).astype(np.float32)
    for fn in (lambda x: jax.nn.relu(x @ W), lambda x: x @ (W * np.float32(0.5))):
        want = np.asarray(fn(data))
        error = int8(fn, data).max_error
        assert error <= 0.03 * max(np.abs(want).max(), 1e-37)


@pytest.mark.parametrize("mode", ["int8", "int16x8"])
def test_limits_that_small_steps_overflow(mode: str) -> None:
    """RELU6 counts 6 in steps of its result, by int32."""
    data = (X * 1e-9).astype(np.float32)
    for fn in (lambda x: jax.nn.relu6(x @ W), lambda x: jax.nn.relu6(x[:, ::-1])):
        report = export_tflite(fn, SPEC, quantize=mode, representative=data)
        assert report.max_error is not None
        assert report.max_error <= 0.03 * np.abs(np.asarray(fn(data))).max()


def test_steps_that_would_be_thousands_of_the_result_stay_float() -> None:
    """XNNPACK does not load what multiplies by 256 or more."""
    report = int8(lambda x: jax.nn.relu6(x @ W), (X * 1e6).astype(np.float32))
    assert report.quantisation.kept_float[0].startswith("FULLY_CONNECTED")
    assert report.max_error < 0.01


def test_probabilities_of_a_thousand_classes_stay_float() -> None:
    """In steps of 1/256 all of them would be 0; tiny scores abort the kernel."""
    wide = RNG.normal(size=(8, 1000)).astype(np.float32)
    for scale in (1.0, 1e-12):
        report = int8(lambda x, s=scale: jax.nn.softmax(0.1 * (x @ (wide * np.float32(s)))))
        assert report.quantisation.kept_float[0].startswith("SOFTMAX")
        assert report.quantisation.snr[0] > 30
    deep = int8(lambda x: jax.nn.log_softmax(100 * (x @ W)))
    assert deep.quantisation.kept_float[0].startswith("LOG_SOFTMAX")  # below -16


def test_paths_of_nested_models() -> None:
    inner = nn.Sequential(
        [nn.Input((8,)), layers.Dense(8, name="a"), layers.Dense(8, name="b")], name="inner"
    )
    outside = nn.Input((8,))
    model = nn.Model(outside, layers.Dense(3, name="last")(inner(outside)), name="outer")
    for pattern, count in (("outer/inner/a", 1), ("*inner*", 2), ("outer/last", 1)):
        chosen = Quantise("int8", keep_float=[pattern])
        report = export_tflite(model, quantize=chosen, representative=X, verify=False)
        assert report.quantisation is not None
        assert len(report.quantisation.kept_float) == count


def test_signatures_share_weights_whatever_their_ranges() -> None:
    wide = RNG.normal(size=(8, 512)).astype(np.float32)
    one, two = (lambda x: x @ wide), (lambda x: jnp.tanh(x @ wide))
    signatures = {"one": (one, SPEC), "two": (two, SPEC)}
    data = {"one": X, "two": 3 * X}
    both = export_tflite(signatures=signatures, quantize="int8", representative=data)
    alone = int8(one)
    assert both.bytes < alone.bytes + 4096  # the weights are 4096 bytes, quantised by channel
    assert both.quantisation is not None
    assert min(both.quantisation.snr) > 30  # type: ignore[type-var]
