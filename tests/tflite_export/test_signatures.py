"""Several functions in one file: equal weights are stored once, each runs under its key."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from jax import lax
from nnlib.tflite_export import (
    ExportMismatchError,
    InputSpecError,
    Interpreter,
    TensorSpec,
    TFLiteConverter,
    UnsupportedOpError,
    export_tflite,
)
from nnlib.tflite_export.trace import trace
from nnlib.tflite_export.verify import run, verify

import nnlib as nn

W = np.random.default_rng(0).normal(size=(40, 40)).astype(np.float32)
X = TensorSpec((None, 40))


def encode(x: jax.Array) -> jax.Array:
    return jnp.tanh(x @ W)


def loop(x: jax.Array) -> jax.Array:
    return lax.fori_loop(0, 3, lambda i, y: jnp.tanh(y @ W), x)


def pair(left: jax.Array, right: jax.Array) -> dict[str, jax.Array]:
    return {"sum": left + right, "encoded": encode(left)}


def test_signatures_share_weights_and_run() -> None:
    signatures = {"loop": (loop, X), "pair": (pair, (X, X))}
    report = export_tflite(encode, X, signatures=signatures, name="encode", verify=True)
    assert report.max_error is not None
    assert report.max_error <= 1e-5
    assert [detail.key for detail in report.signatures] == ["encode", "loop", "pair"]
    assert [detail.name for detail in report.signatures[2].inputs] == ["left", "right"]
    assert "  pair:\n  in   left: float32[?, 40]" in str(report)
    interpreter = Interpreter(model_content=report.content)
    x = np.random.default_rng(1).normal(size=(3, 40)).astype(np.float32)
    results = interpreter.get_signature_runner("pair")(left=x, right=2 * x)
    np.testing.assert_allclose(results["sum"], 3 * x, rtol=1e-6)
    np.testing.assert_allclose(results["encoded"], encode(x), atol=1e-5)
    model = schema.ModelT.InitFromPackedBuf(report.content, 0)
    sizes = [len(b.data) for b in model.buffers if b.data is not None]
    assert sizes.count(W.nbytes) == 1
    assert [s.subgraphIndex for s in model.signatureDefs] == [0, 1, 2]
    assert [g.name for g in model.subgraphs] == [b"encode", b"loop", b"pair", None, None]


def test_first_signature_is_what_runs_without_a_key() -> None:
    report = export_tflite(signatures={"a": (loop, X), "b": (encode, X)}, verify=False)
    x = np.ones((2, 40), np.float32)
    (got,) = run(Interpreter(model_content=report.content), [x])
    np.testing.assert_allclose(got, loop(x), atol=1e-5)


def test_models_are_signatures_too() -> None:
    model = nn.models.Sequential([nn.Input((4,)), nn.layers.Dense(2)])
    content = TFLiteConverter.from_signatures({"a": model, "b": (encode, X)}).convert()
    runner = Interpreter(model_content=content).get_signature_runner("a")
    x = np.ones((3, 4), np.float32)
    (name,) = runner.get_input_details()
    (got,) = runner(**{name: x}).values()
    np.testing.assert_allclose(got, model(x), atol=1e-6)


def test_verify_checks_the_function_of_the_key() -> None:
    content = export_tflite(signatures={"a": (loop, X), "b": (encode, X)}, verify=False).content
    assert verify(content, encode, trace(encode, X), key="b") <= 1e-5
    with pytest.raises(ExportMismatchError):
        verify(content, encode, trace(encode, X), key="a")


def test_keys_differ() -> None:
    with pytest.raises(InputSpecError, match="another key"):
        export_tflite(encode, X, signatures={"serving_default": (loop, X)})
    with pytest.raises(InputSpecError, match="a function"):
        export_tflite()


def test_stateful_layers_are_refused() -> None:
    """A file would begin with the same state at each call."""
    begin = nn.Input(batch_shape=(2, 4, 3))
    model = nn.models.Sequential([begin, nn.layers.LSTM(3, stateful=True)])
    with pytest.raises(UnsupportedOpError, match="stateful=False"):
        export_tflite(model)
