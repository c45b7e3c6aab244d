"""rnn="fused": loops that are LSTMs as one operator, and what it cannot be."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from nnlib.tflite_export import Interpreter, TensorSpec, UnsupportedOpError, export_tflite
from nnlib.tflite_export.verify import run

import nnlib as nn
from nnlib import layers

KIND = "UNIDIRECTIONAL_SEQUENCE_LSTM"
STEPS = nn.Input(batch_shape=(2, 5, 3))
RANDOM = np.random.default_rng(5)
W, U = (RANDOM.normal(size=(rows, 16)).astype(np.float32) for rows in (3, 4))
B = RANDOM.normal(size=(16,)).astype(np.float32)
X = TensorSpec((2, 5, 3))


def by_hand(x: jax.Array, order: str = "ogfi", **options: Any) -> Any:
    """An LSTM whose gates lie in an order of its own, projected within the loop."""

    def step(state: Any, now: jax.Array) -> Any:
        h, c = state
        z = now @ W + h @ U + B[None]
        gates = dict(zip(order, jnp.split(z, 4, axis=-1), strict=True))
        c = jax.nn.sigmoid(gates["f"]) * c + jax.nn.sigmoid(gates["i"]) * jnp.tanh(gates["g"])
        h = jax.nn.sigmoid(gates["o"]) * jnp.tanh(c)
        return (h, c), h

    zeros = jnp.zeros((x.shape[0], 4))
    return lax.scan(step, (zeros, zeros), jnp.swapaxes(x, 0, 1), **options)


CASES: dict[str, Any] = {
    "last": lambda: [layers.LSTM(4)],
    "backwards": lambda: [layers.LSTM(4, return_sequences=True, go_backwards=True)],
    "two": lambda: [layers.LSTM(5, return_sequences=True), layers.LSTM(4, use_bias=False)],
    "bidirectional": lambda: [layers.Bidirectional(layers.LSTM(4))],
}


@pytest.mark.parametrize("name", CASES)
def test_layer(name: str) -> None:
    model = nn.models.Sequential([STEPS, *CASES[name]()])
    report = export_tflite(model, rnn="fused", verify=True)
    assert report.max_error is not None
    assert report.max_error <= 1e-5
    assert "WHILE" not in report.ops
    assert report.ops[KIND] == (1 if name in ("last", "backwards") else 2)


def test_one_row() -> None:
    """Of a batch of one nothing needs to be transposed; reshapes stand in its place."""
    model = nn.models.Sequential([nn.Input(batch_shape=(1, 5, 3)), layers.LSTM(4)])
    report = export_tflite(model, rnn="fused", verify=True)
    assert report.ops == {KIND: 1, "RESHAPE": 2, "SLICE": 1}


@pytest.mark.parametrize("reverse", [False, True])
def test_by_hand(reverse: bool) -> None:
    def fn(x: jax.Array) -> Any:
        (h, _), ys = by_hand(x, reverse=reverse)
        return h, ys

    report = export_tflite(fn, X, rnn="fused", verify=True)
    assert report.ops[KIND] == 1
    assert "WHILE" not in report.ops


def test_state_is_kept_until_it_is_reset() -> None:
    report = export_tflite(lambda x: by_hand(x)[1], X, rnn="fused")
    interpreter = Interpreter(model_content=report.content)
    x = RANDOM.normal(size=(2, 10, 3)).astype(np.float32)
    (first,), (second,) = run(interpreter, [x[:, :5]]), run(interpreter, [x[:, 5:]])
    whole = np.asarray(by_hand(jnp.asarray(x))[1])
    np.testing.assert_allclose(np.concatenate([first, second]), whole, atol=1e-5)
    interpreter.reset_all_variables()
    (again,) = run(interpreter, [x[:, :5]])
    np.testing.assert_allclose(again, first, atol=1e-6)


def masked(x: jax.Array) -> jax.Array:
    def step(state: Any, now: jax.Array) -> Any:
        (h, c), _ = by_hand(now[:, None])
        return (jnp.where(now[:, :1] > 0, h, state[0]), c), h

    zeros = jnp.zeros((2, 4))
    return lax.scan(step, (zeros, zeros), jnp.swapaxes(x, 0, 1))[1]


REFUSED: dict[str, tuple[Any, TensorSpec, str]] = {
    "free_batch": (lambda x: by_hand(x)[1], TensorSpec((None, 5, 3)), "Give the batch a number"),
    "cell_is_read": (lambda x: by_hand(x)[0][1], X, "last cell state is read"),
    "masked": (masked, X, "a mask"),
    "no_lstm": (lambda x: lax.fori_loop(0, 3, lambda i, y: jnp.tanh(y) + x, x), X, "another step"),
    "inside_a_branch": (
        lambda x: lax.cond(x.sum() > 0, lambda: by_hand(x)[1], lambda: by_hand(-x)[1]),
        X,
        "loop or branch",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_other_loops_are_refused(name: str) -> None:
    fn, spec, reason = REFUSED[name]
    with pytest.raises(UnsupportedOpError, match=rf"{reason}.*rnn='while'"):
        export_tflite(fn, spec, rnn="fused")


def test_first_states_of_other_values_are_refused() -> None:
    x, h, c = (nn.Input(batch_shape=shape) for shape in ((2, 5, 3), (2, 4), (2, 4)))
    model = nn.models.Model([x, h, c], layers.LSTM(4)(x, initial_state=[h, c]))
    with pytest.raises(UnsupportedOpError, match="first states"):
        export_tflite(model, rnn="fused")


@pytest.mark.parametrize("layer", [layers.LSTM, layers.GRU])
def test_masked_layers_are_refused(layer: Any) -> None:
    words = nn.Input(batch_shape=(2, 5), dtype="int32")
    model = nn.models.Sequential([words, layers.Embedding(7, 3, mask_zero=True), layer(4)])
    with pytest.raises(UnsupportedOpError, match=r"mask.*rnn='while'"):
        export_tflite(model, rnn="fused")


def test_other_cells_are_refused() -> None:
    for layer in (layers.GRU(3), layers.LSTM(3, activation="relu"), layers.SimpleRNN(3)):
        with pytest.raises(UnsupportedOpError, match=r"recurrence\.py|gru\.py|lstm\.py|rnn"):
            export_tflite(nn.models.Sequential([STEPS, layer]), rnn="fused")
