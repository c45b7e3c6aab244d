"""Ranges from representative data, against numpy on the same function."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from nnlib.tflite_export import Calibration, QuantisationError, TensorSpec
from nnlib.tflite_export.convert import build_graph
from nnlib.tflite_export.graph import Tensor
from nnlib.tflite_export.quantise.pipeline import calibrated
from nnlib.tflite_export.quantise.ranges import Histogram, Range
from nnlib.tflite_export.quantise.samples import read_samples
from nnlib.tflite_export.trace import trace

RNG = np.random.default_rng(0)
W = RNG.normal(size=(6, 6)).astype(np.float32)
X = RNG.normal(size=(40, 6)).astype(np.float32)
SPEC = TensorSpec((None, 6))


def ranges(fn: Any, data: Any, *specs: TensorSpec, rnn: str = "while", **method: Any) -> Any:
    """Ranges of the results of operators by kind, in order."""
    traced = trace(fn, specs or (SPEC,))
    found = calibrated(build_graph(traced, rnn), traced, Calibration(**method), data)
    kinds: dict[str, list[Range | None]] = {}
    for part in found.graph.all_graphs():
        for op in part.ordered():
            kinds.setdefault(op.kind, []).append(found.ranges.get(op.out))
    return kinds


def span(values: Any) -> Any:
    return pytest.approx((float(np.min(values)), float(np.max(values))), rel=1e-5, abs=1e-5)


def both(found: Range | None) -> tuple[float, float]:
    assert found is not None
    return found.low, found.high


def test_fused_operators_have_the_range_of_the_last_value() -> None:
    found = ranges(lambda x: jnp.tanh(jax.nn.relu(x @ W + 1)), [X[:8], X])
    assert both(found["FULLY_CONNECTED"][0]) == span(np.maximum(X @ W + 1, 0))
    assert both(found["TANH"][0]) == span(np.tanh(np.maximum(X @ W + 1, 0)))


def test_calls_of_one_function_have_ranges_of_their_own() -> None:
    """jax.nn.relu is one inner jaxpr for both, with the same variables."""
    found = ranges(lambda x: (jax.nn.relu(x).sum(), jax.nn.relu(x * 10).max()), [X])
    tops = sorted(both(r)[1] for kind in ("RELU", "MUL") for r in found.get(kind, []))
    assert tops == pytest.approx([X.max(), 10 * X.max()], rel=1e-5)


def test_free_sizes_take_those_of_each_sample() -> None:
    def fn(x: jax.Array) -> jax.Array:
        return (x / x.shape[0]).reshape(-1, 3) + jnp.arange(3.0)[None]

    found = ranges(fn, [X[:4], X[:10]])
    every = np.concatenate([(X[:n] / n).reshape(-1, 3) + np.arange(3.0) for n in (4, 10)])
    assert both(found["ADD"][0]) == span(every)


def test_steps_written_out_share_the_range_over_all_steps() -> None:
    def fn(x: jax.Array) -> jax.Array:
        return lax.scan(lambda c, _: (jnp.tanh(c @ W) * 2, None), x, None, length=3)[0]

    found = ranges(fn, [X], rnn="unroll")
    steps, carry = [], X
    for _ in range(3):
        steps.append(carry @ W)
        carry = np.tanh(steps[-1]) * 2
    assert [both(r) for r in found["FULLY_CONNECTED"]] == [span(steps)] * 3


def test_values_in_a_loop_have_their_range_over_all_rounds() -> None:
    def fn(x: jax.Array) -> jax.Array:
        return lax.scan(lambda c, _: (jnp.tanh(c @ W) * 2, None), x, None, length=3)[0]

    def until(x: jax.Array) -> jax.Array:
        """As many rounds, without their number in the trace."""
        last = lambda s: (s[0] + 1, jnp.tanh(s[1] @ W) * 2)  # noqa: E731
        return lax.while_loop(lambda s: s[0] < 3, last, (jnp.int32(0), x))[1]

    steps, carry = [], X
    for _ in range(3):
        steps.append(carry @ W)
        carry = np.tanh(steps[-1]) * 2
    for loop in (fn, until):
        assert both(ranges(loop, [X[:8], X])["FULLY_CONNECTED"][0]) == span(steps)
    wide = both(ranges(until, [X], method="percentile", percentile=95.0)["FULLY_CONNECTED"][0])
    assert wide == pytest.approx(tuple(np.percentile(steps, [5, 95])), abs=0.1)


def test_branches_have_ranges_of_what_reached_them() -> None:
    def fn(x: jax.Array) -> jax.Array:
        up, down = (lambda v: v @ W, lambda v: v @ (W * 10))
        return lax.cond(x[0, 0] > 0, up, down, x)

    first, second = np.abs(X), -np.abs(X) / 3
    found = ranges(fn, [first, second])["FULLY_CONNECTED"]
    expected = [span(second @ W * 10), span(first @ W)]
    assert [both(bounds) for bounds in found] in (expected, expected[::-1])


def test_rows_of_a_loop_under_vmap_stop_by_themselves() -> None:
    def row(r: jax.Array) -> jax.Array:
        return lax.while_loop(lambda s: s.sum() < 9.0, lambda s: s + jnp.abs(r) + 0.5, r)

    found = ranges(lambda x: jax.vmap(row)(x) * 2, [X])
    assert both(found["MUL"][0]) == span(jax.vmap(row)(X) * 2)


def test_loops_run_while_calibrating() -> None:
    def fn(x: jax.Array) -> jax.Array:
        y = lax.while_loop(lambda c: c[0] < 3, lambda c: (c[0] + 1, c[1] * 2), (0, x))[1]
        z = lax.cond(x[0, 0] > 1e9, lambda v: v, lambda v: v + 1, y)
        return lax.map(lambda row: row * 3, z) @ W

    found = ranges(fn, [X])
    assert both(found["FULLY_CONNECTED"][0]) == span((X * 8 + 1) * 3 @ W)


def test_one_dimensional_convolutions_have_ranges_behind_the_reshape() -> None:
    kernel = RNG.normal(size=(3, 6, 4)).astype(np.float32)

    def fn(x: jax.Array) -> jax.Array:
        y = lax.conv_general_dilated(
            x, kernel, (1,), "SAME", dimension_numbers=("NWC", "WIO", "NWC")
        )
        return lax.reduce_window(
            jax.nn.relu(y + 1), -jnp.inf, lax.max, (1, 2, 1), (1, 2, 1), "VALID"
        )

    found = ranges(fn, X[None], TensorSpec((None, 40, 6)))
    assert found["CONV_2D"][0] is not None


def test_infinities_are_left_out() -> None:
    found = ranges(lambda x: jnp.where(x > 0, x, -jnp.inf) + 1, [X])
    assert both(found["ADD"][0]) == span(X[X > 0] + 1)


def test_percentile_cuts_off_rare_extremes() -> None:
    data = RNG.normal(size=(4000, 6)).astype(np.float32)
    data[0, 0] = 1000.0
    batches = [data[:2000], data[2000:]]
    found = ranges(lambda x: x * 2, batches, method="percentile", percentile=99.9)
    low, high = both(found["MUL"][0])
    assert -9 < low < -4
    assert 4 < high < 12


def test_mse_beats_minmax_on_heavy_tails() -> None:
    values = RNG.standard_t(2, size=100_000)
    bounds = Range(float(values.min()), float(values.max()))
    histogram = Histogram(bounds)
    histogram.add(values)
    chosen = histogram.choose(Calibration("mse"))

    def error(part: Range) -> float:
        q = part.int8()
        return float(np.square(q.dequantise(q.quantise(values, np.int8)) - values).mean())

    assert error(chosen) < error(bounds)


def test_integers_hold_zero_exactly() -> None:
    for part in (Range(-1.0, 2.0), Range(0.3, 5.0), Range(-4.0, -1.0), Range(0.0, 0.0)):
        for q in (part.int8(), part.int16()):
            assert q.dequantise(q.zero_point) == 0
    assert Range(-1.0, 2.0).int8().scale[0] == pytest.approx(3 / 255)
    assert Range(-1.0, 2.0).int16().zero_point[0] == 0


N = np.round(X)
TWO = (TensorSpec((None, 6), name="a"), TensorSpec((None, 6), np.int32, name="b"))


@pytest.mark.parametrize(
    "data",
    [
        [(X, N)],
        [[X, N], [X, N]],
        [{"b": N, "a": X}],
        {"a": X, "b": N},
        (X, N),
        lambda: iter([[X, N]]),
    ],
)
def test_samples_in_every_form(data: Any) -> None:
    traced = trace(lambda a, b: a + b, TWO)
    for sample in read_samples(data, traced):
        assert [array.dtype for array in sample] == [np.float32, np.int32]
        assert all(array.shape[1:] == (6,) for array in sample)


def test_one_array_is_cut_into_batches() -> None:
    for spec, sizes in ((SPEC, [32, 32]), (TensorSpec((16, 6)), [16] * 3)):
        batches = [x for (x,) in read_samples(X, trace(jnp.tanh, spec))]
        assert [len(x) for x in batches] == sizes  # of one size, so that one program serves all
        np.testing.assert_array_equal(batches[-1], X[-sizes[0] :])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "at least one sample, got none"),
        ([X[0]], r"shape \[b, 6\], got shape \[6\].*x\[None\]"),
        ([X[:, :4]], r"shape \[b, 6\]"),
        ([[X, X]], "samples of 1 arrays"),
        ([np.full((1, 6), np.nan)], "finite numbers"),
    ],
)
def test_data_that_does_not_fit(data: Any, message: str) -> None:
    with pytest.raises(QuantisationError, match=message):
        list(read_samples(data, trace(jnp.tanh, SPEC)))


def test_options_are_checked() -> None:
    with pytest.raises(QuantisationError, match="'minmax', 'percentile' or 'mse'"):
        Calibration("entropy")
    with pytest.raises(QuantisationError, match="above 50"):
        Calibration("percentile", percentile=20.0)


def test_replaced_tensors_hand_on_what_they_hold() -> None:
    graph = build_graph(trace(lambda x: jnp.tanh(x).reshape(-1, 3), SPEC))
    held: list[Tensor] = [op.out for op in graph.ordered()]
    assert all(tensor.origin is not None for tensor in held)
