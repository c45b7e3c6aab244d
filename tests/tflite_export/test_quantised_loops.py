"""Integers inside loops and branches: one set of parameters for what they hand on, and accuracy."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from jax import lax
from nnlib.tflite_export import (
    Interpreter,
    OpsSet,
    Optimize,
    Quantise,
    Report,
    TensorSpec,
    TFLiteConverter,
    export_tflite,
    read_tflite,
)
from nnlib.tflite_export.quantise.running import run_real

import nnlib as nn
from nnlib import layers

RNG = np.random.default_rng(4)
W = (RNG.normal(size=(6, 6)) / 2).astype(np.float32)
X = RNG.normal(size=(32, 6)).astype(np.float32)
SPEC = TensorSpec((None, 6))
ROWS = TensorSpec((None, 5, 6))
SEQUENCES = RNG.normal(size=(32, 5, 6)).astype(np.float32)


def export(fn: Any, spec: TensorSpec, data: np.ndarray, mode: Any = "int8", **more: Any) -> Report:
    return export_tflite(fn, spec, quantize=mode, representative=data, **more)


def snr(report: Report) -> float:
    assert report.quantisation is not None
    return min(ratio for ratio in report.quantisation.snr if ratio is not None)


def kept(report: Report) -> set[str]:
    assert report.quantisation is not None
    return {text.split()[0] for text in report.quantisation.kept_float}


def recurrent(x: jax.Array) -> Any:
    def step(h: jax.Array, now: jax.Array) -> Any:
        h = jnp.tanh(now + h @ W)
        return h, h

    return lax.scan(step, jnp.zeros((x.shape[0], 6)), jnp.swapaxes(x, 0, 1))


@pytest.mark.parametrize("mode", ["int8", "int16x8"])
def test_a_carry_has_one_set_of_parameters(mode: str) -> None:
    """In front of the loop, in its condition, at both ends of its body and behind it."""
    report = export(recurrent, ROWS, SEQUENCES, mode)
    model = schema.ModelT.InitFromPackedBuf(report.content, 0)
    main = model.subgraphs[0]
    codes = [code.builtinCode for code in model.operatorCodes]
    (loop,) = [op for op in main.operators if codes[op.opcodeIndex] == schema.BuiltinOperator.WHILE]
    test, body = (
        model.subgraphs[number]
        for number in (loop.builtinOptions.condSubgraphIndex, loop.builtinOptions.bodySubgraphIndex)
    )

    def forms(graph: Any, numbers: Any) -> list[Any]:
        tensors = [graph.tensors[number] for number in numbers]
        return [
            (t.type, *(map(float, (t.quantization.scale[0], t.quantization.zeroPoint[0]))))
            if t.quantization is not None and t.quantization.scale is not None
            else (t.type,)
            for t in tensors
        ]

    first = forms(main, loop.inputs)
    assert forms(main, loop.outputs) == first
    assert forms(test, test.inputs) == forms(body, body.inputs) == first
    assert forms(body, body.outputs) == first
    integer = schema.TensorType.INT8 if mode == "int8" else schema.TensorType.INT16
    assert sorted(form[0] for form in first) == sorted([schema.TensorType.INT32, *[integer] * 3])
    assert snr(report) > (30 if mode == "int8" else 40)


RECURRENT = {
    "simple_rnn": lambda: layers.SimpleRNN(6),
    "gru": lambda: layers.GRU(6, return_sequences=True),
    "lstm": lambda: layers.LSTM(6, return_sequences=True),
    "bidirectional": lambda: layers.Bidirectional(layers.LSTM(6)),
}


@pytest.mark.parametrize("name", RECURRENT)
def test_a_loop_is_as_good_as_its_steps_written_out(name: str) -> None:
    model = nn.models.Sequential([nn.Input((5, 6)), RECURRENT[name]()])
    test = RNG.normal(size=(40, 5, 6)).astype(np.float32)
    want = np.asarray(model(test))

    def error(rnn: str) -> tuple[Report, float]:
        report = export(model, None, SEQUENCES, rnn=rnn, verify=False)
        (got,) = run_real(Interpreter(model_content=report.content), [test])
        return report, float(np.abs(got - want).mean())

    loop, mean = error("while")
    assert not kept(loop) & {"WHILE", "FULLY_CONNECTED", "LOGISTIC", "TANH", "GATHER"}
    assert mean <= 1.1 * error("unroll")[1]
    assert loop.inputs[0].shape == (None, 5, 6)


def test_a_sum_is_left_in_float() -> None:
    """Of 400 addends each is less than a step of 256 of their sum."""

    def fn(x: jax.Array) -> jax.Array:
        return lax.fori_loop(0, 400, lambda i, s: s + jnp.tanh(x @ W + i * 0.01), x * 0.0)

    report = export(fn, SPEC, np.abs(X))
    assert snr(report) > 30
    assert "ADD" in kept(report)


@pytest.mark.parametrize("rounds", [500, 20_000])
def test_sixteen_bits_hold_a_sum_of_few_addends(rounds: int) -> None:
    def fn(x: jax.Array) -> jax.Array:
        return lax.fori_loop(0, rounds, lambda i, s: s * (1.0 - 2.0 / rounds), x)

    report = export(fn, SPEC, X, "int16x8")
    assert snr(report) > 20
    assert ("WHILE" in kept(report)) == (rounds > 1000)


def test_products_beside_a_sum_are_integers() -> None:
    """A residual network over rounds: the state is added to in float."""

    def fn(x: jax.Array) -> jax.Array:
        return lax.fori_loop(0, 4, lambda i, s: s + jax.nn.relu(s @ W) @ W.T * 0.2, x)

    report = export(fn, SPEC, X)
    assert "FULLY_CONNECTED" not in kept(report)
    assert snr(report) > 25


def test_a_linear_state_is_float_on_int8_weights() -> None:
    """A state space with a long memory, whose weights are what takes the place."""
    turn, _ = np.linalg.qr(RNG.normal(size=(64, 64)))
    turn, mix = (0.99 * turn).astype(np.float32), RNG.normal(size=(6, 64)).astype(np.float32)
    data = RNG.normal(size=(8, 40, 6)).astype(np.float32)

    def fn(x: jax.Array) -> jax.Array:
        step = lambda h, now: (h @ turn + jnp.tanh(now @ mix), None)  # noqa: E731
        return lax.scan(step, jnp.zeros((x.shape[0], 64)), jnp.swapaxes(x, 0, 1))[0]

    report = export(fn, TensorSpec((None, 40, 6)), data)
    assert {"FULLY_CONNECTED", "ADD"} <= kept(report)
    assert not kept(report) & {"WHILE", "TANH"}
    assert report.bytes < 2.5 * turn.size
    assert snr(report) > 25


def test_how_often_a_loop_runs_is_decided_in_float() -> None:
    """On integers the difference from the root might never become as small."""

    def root(x: jax.Array) -> jax.Array:
        x = jnp.abs(x) + 1.0

        def better(s: Any) -> Any:
            return 0.5 * (s[0] + x / s[0]), s[0]

        return lax.while_loop(lambda s: jnp.abs(s[0] - s[1]).max() > 1e-5, better, (x, 2 * x))[0]

    report = export(root, SPEC, X)
    assert snr(report) > 30
    assert "WHILE" in kept(report)


def test_a_loop_may_be_kept_in_float() -> None:
    whole = Quantise("int8", keep_float=["WHILE"])
    loop = export(recurrent, ROWS, SEQUENCES, whole)
    assert "WHILE" in kept(loop)
    part = export(recurrent, ROWS, SEQUENCES, Quantise("int8", keep_float=["TANH"]))
    assert "TANH" in kept(part)
    assert "FULLY_CONNECTED" not in kept(part)


def test_a_layer_may_be_kept_in_float() -> None:
    """By its path, which operators inside of its loop have too; the other is on integers."""
    first, second = layers.GRU(6, return_sequences=True, name="one"), layers.GRU(4, name="two")
    model = nn.models.Sequential([nn.Input((5, 6)), first, second], name="net")
    report = export(model, None, SEQUENCES, Quantise("int8", keep_float=["net/one"]))
    assert report.quantisation is not None
    loops = [text for text in report.quantisation.kept_float if text.startswith("WHILE")]
    assert len(loops) == 1
    assert "net/one" in loops[0]
    states = [text for text in report.quantisation.kept_float if text.startswith("SUB")]
    assert len(states) == 1
    assert "net/two" in states[0]


def test_steps_written_out_for_a_number_of_rows_are_integers_only() -> None:
    made = TFLiteConverter.from_function(lambda x: recurrent(x)[0], TensorSpec((1, 5, 6)))
    made.optimizations, made.rnn = [Optimize.DEFAULT], "unroll"
    made.representative_dataset = lambda: ([row[None]] for row in SEQUENCES)
    made.target_spec.supported_ops = [OpsSet.TFLITE_BUILTINS_INT8]
    made.inference_input_type = made.inference_output_type = np.int8
    kinds = {op.name for op in read_tflite(made.convert()).main.operators}
    assert {"FULLY_CONNECTED", "TANH"} <= kinds
    assert "DEQUANTIZE" not in kinds


def test_states_of_free_batch_begin_with_ones() -> None:
    def fn(x: jax.Array) -> jax.Array:
        return lax.fori_loop(0, 3, lambda i, h: jnp.tanh(h @ W + x), jnp.ones_like(x))

    report = export(fn, SPEC, X)
    assert not kept(report) & {"FULLY_CONNECTED", "TANH", "WHILE"}
    assert snr(report) > 25


def choice(x: jax.Array) -> jax.Array:
    return lax.cond(x[0, 0] > 0, lambda v: jax.nn.relu(v @ W), lambda v: v @ W * 3, x) @ W


def test_branches_run_on_integers() -> None:
    data = [np.abs(X), -np.abs(X)]
    report = export(choice, SPEC, data)
    assert "IF" not in kept(report)
    assert "FULLY_CONNECTED" not in kept(report)
    for sign in data:
        (got,) = run_real(Interpreter(model_content=report.content), [sign])
        want = np.asarray(choice(jnp.asarray(sign)))
        assert np.abs(got - want).mean() < 0.02 * np.abs(want).max()


def test_a_branch_that_no_sample_takes_stays_float() -> None:
    report = export(choice, SPEC, [np.abs(X)])
    assert "FULLY_CONNECTED" in kept(report)
    other = -np.abs(X)
    (got,) = run_real(Interpreter(model_content=report.content), [other])
    assert np.isfinite(got).all()


def test_loops_and_branches_within_each_other() -> None:
    def fn(x: jax.Array) -> jax.Array:
        def step(h: jax.Array, now: jax.Array) -> Any:
            up = lambda v: lax.fori_loop(0, 2, lambda i, y: jnp.tanh(y @ W), v)  # noqa: E731
            h = lax.cond(now[0, 0] > 0, up, lambda v: jnp.tanh(v @ W - now), h + now)
            return jnp.tanh(h), h

        return lax.scan(step, jnp.zeros((x.shape[0], 6)), jnp.swapaxes(x, 0, 1))[1]

    report = export(fn, ROWS, SEQUENCES)
    assert not kept(report) & {"WHILE", "IF", "FULLY_CONNECTED"}
    assert snr(report) > 20
