"""nnlib's recurrent layers with a free batch, as loops and written out, against JAX."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from nnlib.tflite_export import (
    InputSpecError,
    Interpreter,
    TensorSpec,
    UnavailableOptionError,
    UnsupportedOpError,
    export_tflite,
)
from nnlib.tflite_export.verify import run

import nnlib as nn
from nnlib import layers

STEPS = nn.Input((4, 3))
FREE = nn.Input((None, 3))
WORDS = nn.Input((4,), dtype="int32")
VIDEO = nn.Input((3, 5, 5, 2))


def embedded() -> Any:
    return layers.Embedding(7, 3, mask_zero=True)


CASES: dict[str, tuple[Any, Any]] = {
    "simple_rnn": (STEPS, lambda: [layers.SimpleRNN(4)]),
    "gru": (STEPS, lambda: [layers.GRU(4, return_sequences=True)]),
    "gru_reset_before": (STEPS, lambda: [layers.GRU(4, reset_after=False)]),
    "lstm": (STEPS, lambda: [layers.LSTM(4)]),
    "lstm_backwards": (
        STEPS,
        lambda: [layers.LSTM(4, return_sequences=True, go_backwards=True)],
    ),
    "lstm_twice": (STEPS, lambda: [layers.LSTM(4, return_sequences=True), layers.LSTM(3)]),
    "bidirectional": (
        STEPS,
        lambda: [layers.Bidirectional(layers.LSTM(4, return_sequences=True))],
    ),
    "stacked_cells": (STEPS, lambda: [layers.RNN([layers.LSTMCell(4), layers.GRUCell(3)])]),
    "conv_lstm": (
        VIDEO,
        lambda: [layers.ConvLSTM2D(2, 3, padding="same", return_sequences=True)],
    ),
    "time_distributed": (VIDEO, lambda: [layers.TimeDistributed(layers.Conv2D(2, 3))]),
    "masked": (WORDS, lambda: [embedded(), layers.LSTM(4, return_sequences=True)]),
    "masked_bidirectional": (WORDS, lambda: [embedded(), layers.Bidirectional(layers.GRU(4))]),
    "masked_zeros": (
        WORDS,
        lambda: [
            embedded(),
            layers.LSTM(4, return_sequences=True, zero_output_for_mask=True),
        ],
    ),
    "free_length": (FREE, lambda: [layers.Masking(), layers.LSTM(4, return_sequences=True)]),
}
WRITTEN_OUT = ["gru", "lstm_backwards", "stacked_cells", "masked_zeros", "conv_lstm"]


@pytest.mark.parametrize("name", CASES)
def test_layer_as_a_loop(name: str) -> None:
    begin, make = CASES[name]
    report = export_tflite(nn.models.Sequential([begin, *make()]), verify=True)
    assert report.max_error is not None
    assert report.max_error <= 1e-5
    assert report.inputs[0].shape[0] is None


@pytest.mark.parametrize("name", WRITTEN_OUT)
def test_layer_written_out(name: str) -> None:
    begin, make = CASES[name]
    report = export_tflite(nn.models.Sequential([begin, *make()]), rnn="unroll", verify=True)
    assert report.max_error is not None
    assert report.max_error <= 1e-5
    assert "WHILE" not in report.ops


def test_states_are_outputs() -> None:
    x = nn.Input((4, 3))
    model = nn.models.Model(x, layers.LSTM(4, return_sequences=True, return_state=True)(x))
    report = export_tflite(model, verify=True)
    assert [detail.shape for detail in report.outputs] == [(None, 4, 4), (None, 4), (None, 4)]


def test_masks_of_all_lengths() -> None:
    """Padding behind, in front, in between, and nothing but padding."""
    model = nn.models.Sequential([WORDS, embedded(), layers.LSTM(4, return_sequences=True)])
    words = np.array([[1, 2, 0, 0], [0, 0, 5, 6], [1, 0, 2, 0], [0, 0, 0, 0]], np.int32)
    content = export_tflite(model, verify=False).content
    (got,) = run(Interpreter(model_content=content), [words])
    np.testing.assert_allclose(got, np.asarray(model(words)), atol=1e-6)


def test_a_loop_keeps_nothing_between_calls() -> None:
    model = nn.models.Sequential([STEPS, layers.LSTM(4)])
    interpreter = Interpreter(model_content=export_tflite(model, verify=False).content)
    x = np.random.default_rng(0).normal(size=(2, 4, 3)).astype(np.float32)
    (first,), (second,) = run(interpreter, [x]), run(interpreter, [x])
    np.testing.assert_array_equal(first, second)


def test_a_round_of_an_lstm_is_few_operators() -> None:
    """One row, one product, one sum, one split, whatever the number of gates."""
    ops = export_tflite(nn.models.Sequential([STEPS, layers.LSTM(4)]), verify=False).ops
    assert {kind: ops[kind] for kind in ("GATHER", "FULLY_CONNECTED", "ADD", "SPLIT")} == {
        "GATHER": 1,
        "FULLY_CONNECTED": 2,  # of all steps before the loop, and of the state within
        "ADD": 3,  # of the gates, of the cell, of the counter
        "SPLIT": 1,
    }
    assert sum(ops.values()) <= 21


def test_unrolling_needs_a_length() -> None:
    model = nn.models.Sequential([FREE, layers.LSTM(4)])
    with pytest.raises(UnsupportedOpError, match="rnn='while'"):
        export_tflite(model, rnn="unroll")


def test_other_forms_are_refused() -> None:
    with pytest.raises(UnavailableOptionError, match="rnn='unroll'"):
        export_tflite(lambda x: x + 1, TensorSpec((1,)), rnn="fused")
    with pytest.raises(InputSpecError, match="'loop'"):
        export_tflite(lambda x: x + 1, TensorSpec((1,)), rnn="loop")
