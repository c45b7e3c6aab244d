"""When a quantised file counts as broken: noise, infinities, integers and bools that differ."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nnlib.tflite_export import (
    ExportMismatchError,
    Quantise,
    TensorSpec,
    debug_quantisation,
    export_tflite,
)
from nnlib.tflite_export.quantise import calibration, quality
from nnlib.tflite_export.quantise.checks import Check, spread
from nnlib.tflite_export.quantise.decibels import SignalToNoise
from nnlib.tflite_export.quantise.quality import measure_quantised, verify_quantised
from nnlib.tflite_export.quantise.samples import read_samples
from nnlib.tflite_export.trace import trace

RNG = np.random.default_rng(0)
W = RNG.normal(size=(8, 8)).astype(np.float32)
X = RNG.normal(size=(16, 8)).astype(np.float32)
SPEC = TensorSpec((None, 8))


def export(fn: Any, data: Any = X, mode: Any = "int8", **options: Any) -> Any:
    return export_tflite(fn, SPEC, quantize=mode, representative=data, **options)


def test_the_ratio_is_over_all_examples() -> None:
    """One bad batch among good ones, wherever it is, counts."""
    whole = SignalToNoise()
    wants, gots = RNG.normal(size=(2, 5, 40))
    for want, got in zip(wants, gots, strict=True):
        whole.add(want, got)
    noise = np.square(wants - gots).sum()
    assert whole.decibels == pytest.approx(10 * np.log10(np.square(wants).sum() / noise), abs=1e-3)
    assert SignalToNoise().decibels == 200.0


def test_examples_to_compare_on_are_spread_over_the_data() -> None:
    one = [[np.zeros((1, 2))]] * 1000
    assert len(spread(one)) == 64
    assert spread(one)[0] == 0
    assert spread(one)[-1] == 999
    assert spread([[np.zeros((32, 2))]] * 10) == [0, 4, 9]
    assert spread([[np.zeros(())]] * 2) == [0, 1]
    assert spread([]) == []


def test_a_late_sample_that_is_lost_is_seen() -> None:
    """Values far beyond those of the ranges occur in the last sample alone."""
    fn, traced = (lambda x: x @ W), trace(lambda x: x @ W, SPEC)
    content = export(fn, verify=False).content
    good = Check([X], [X @ W])
    assert verify_quantised(content, traced, "int8", [good, good, good])[1][0] > 30  # type: ignore[operator]
    with pytest.raises(ExportMismatchError, match="at least 10 dB"):
        verify_quantised(content, traced, "int8", [good, good, good, Check([50 * X], [50 * X @ W])])


@pytest.mark.parametrize(
    ("fn", "count"),
    [
        (lambda x: jnp.where(x > 0, -jnp.inf, x @ W), int((X > 0).sum())),
        (lambda x: jnp.where(x > 0, jnp.inf, x @ W), int((X > 0).sum())),
        (lambda x: jnp.log(jax.nn.relu(x)) * 0 + x, int((X <= 0).sum())),
    ],
)
def test_infinities_and_nan_that_integers_cannot_hold(fn: Any, count: int) -> None:
    with pytest.raises(ExportMismatchError, match=f"{count} other elements.*clip what") as caught:
        export(fn, io_dtype="int8")
    assert "output_0" in str(caught.value)


def test_infinities_in_place_are_no_error() -> None:
    fn = lambda x: jnp.where(x > 0, -jnp.inf, x @ W)  # noqa: E731
    kept = export(fn, mode=Quantise("int8", keep_float=["SELECT_V2"]))
    assert kept.quantisation.snr[0] > 30
    assert export(fn, mode="dynamic").quantisation.snr[0] > 30
    traced = trace(fn, SPEC)
    flipped = [Check([X], [np.where(X > 0, np.inf, X @ W).astype(np.float32)])]
    (found,) = measure_quantised(kept.content, traced, flipped)
    assert found.misplaced == (X > 0).sum()


@pytest.mark.parametrize(("dtype", "share"), [(np.int32, "50%"), (np.bool_, "75%")])
def test_too_few_equal_integers_or_bools(dtype: Any, share: str) -> None:
    def fn(x: jax.Array) -> jax.Array:
        return (x > 0).astype(dtype)

    content, traced = export(fn, mode="dynamic", verify=False).content, trace(fn, SPEC)
    right = (X > 0).astype(dtype)
    wrong = right.copy()
    wrong[:9] = 1 - wrong[:9]  # 9 of 16 rows
    assert verify_quantised(content, traced, "int8", [Check([X], [right])]) == (0.0, (None,))
    with pytest.raises(ExportMismatchError, match=f"at least {share}.*got 44%"):
        verify_quantised(content, traced, "int8", [Check([X], [wrong])])
    wrong[4:9] = right[4:9]  # 4 of 16 are left
    verify_quantised(content, traced, "int8", [Check([X], [wrong])])


def test_every_mode_has_a_limit() -> None:
    for mode, least in quality._LEAST.items():
        with pytest.raises(ExportMismatchError, match=f"at least {least:g} dB"):
            quality._check(quality.OutputQuality("y", snr=least - 1), mode)
        quality._check(quality.OutputQuality("y", snr=least), mode)


def test_debugging_goes_on_where_export_stops() -> None:
    fn = lambda x: jnp.where(x > 0, -jnp.inf, x @ W)  # noqa: E731
    found = debug_quantisation(fn, SPEC, representative=[X], proposals=1)
    assert found.layers


@pytest.mark.parametrize("limits", [{"_ROOM": 0}, {"_MANY": 0}])
def test_ranges_do_not_depend_on_how_they_are_measured(
    limits: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Extremes inside the program, and programs with all optimisations, for large data."""

    def fn(x: jax.Array) -> Any:
        y = jnp.where(x > 1, jnp.inf, jnp.tanh(x @ W))
        return y, jax.lax.scan(lambda c, row: (c + row, c * row), jnp.zeros(8), x)[1]

    traced = trace(fn, SPEC)
    samples = list(read_samples([X[:4], X], traced))
    origins = [calibration.Origin((n,), 0) for n in range(len(traced.jaxpr.jaxpr.eqns))]
    origins += [calibration.Origin((*o.path, n), 0) for o in origins for n in range(2)]
    method = calibration.Calibration()
    first = calibration.calibrate(traced, origins, samples, method)
    for name, value in limits.items():
        monkeypatch.setattr(calibration, name, value)
    second = calibration.calibrate(traced, origins, samples, method)
    assert first.ranges.keys() == second.ranges.keys()
    assert len(first.ranges) >= 4
    for origin, found in first.ranges.items():
        assert (found.low, found.high) == pytest.approx(
            (second.ranges[origin].low, second.ranges[origin].high), rel=1e-6
        )
    np.testing.assert_allclose(first.checks[1].outputs[0], fn(X)[0], rtol=1e-5)
