"""export_tflite, TFLiteConverter, Interpreter and Report: what users hold in their hands."""

from __future__ import annotations

import dataclasses
import pickle
import sys
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import nnlib.tflite_export as te
import numpy as np
import pytest
from nnlib.tflite_export import (
    ExportError,
    ExportMismatchError,
    Interpreter,
    MissingRuntimeError,
    TensorSpec,
    TFLiteConverter,
    UnsupportedOpError,
    convert,
    export_tflite,
    load_delegate,
    verify,
)
from nnlib.tflite_export.trace import trace
from nnlib.tflite_export.verify import run

X = TensorSpec((None, 4))


class Model:
    """The part of an nnlib model that the exporter sees."""

    name = "tiny"
    input_specs = (TensorSpec((None, 4), name="features"),)
    variables = ({"w": np.full((4, 2), 0.5, np.float32)}, {"count": np.float32(3)})

    def apply(self, params: Any, state: Any, x: Any, training: bool = False) -> Any:
        assert training is False
        return x @ params["w"] + state["count"], state


def test_model_exports_its_inference() -> None:
    report = export_tflite(Model(), verify=True)
    assert report.ops == {"FULLY_CONNECTED": 1}
    assert [d.name for d in report.inputs] == ["features"]
    assert report.max_error is not None
    assert report.max_error <= 1e-5


def test_report_describes_and_saves_the_file(tmp_path: Path) -> None:
    report = export_tflite(
        lambda x: (jnp.tanh(x), x > 0), X, tmp_path / "a" / "m.tflite", verify=True
    )
    assert (tmp_path / "a" / "m.tflite").read_bytes() == report.content
    assert report.bytes == len(report.content)
    assert report.outputs[1].shape == (None, 4)
    text = str(report)
    assert "2 ops (GREATER 1, TANH 1), max error" in text
    assert "in   x: float32[?, 4]" in text
    assert "out  output_1: bool[?, 4]" in text
    assert "content" not in repr(report)
    with pytest.raises(dataclasses.FrozenInstanceError):
        report.bytes = 3  # type: ignore[misc]


def test_verify_false_does_not_run_the_file() -> None:
    assert export_tflite(jnp.tanh, X, verify=False).max_error is None


def test_verify_by_default_where_litert_is_there() -> None:
    assert export_tflite(jnp.tanh, X).max_error is not None


def test_verify_notices_other_numbers() -> None:
    content = export_tflite(jnp.tanh, X).content
    with pytest.raises(ExportMismatchError, match="at most"):
        verify.verify(content, jnp.sin, trace(jnp.sin, X))
    with pytest.raises(ExportMismatchError, match="bool"):
        verify.verify(content, lambda x: x > 0, trace(lambda x: x > 0, X))


def test_converter() -> None:
    for converter in (
        TFLiteConverter.from_keras_model(Model()),
        TFLiteConverter.from_function(jnp.tanh, X),
    ):
        content = converter.convert()
        interpreter = Interpreter(model_content=content)
        interpreter.allocate_tensors()
        assert interpreter.get_input_details()[0]["shape_signature"].tolist() == [-1, 4]


def test_interpreter_from_a_path(tmp_path: Path) -> None:
    path = export_tflite(jnp.tanh, X).save(tmp_path / "m.tflite")
    x = np.ones((5, 4), np.float32)
    (y,) = run(Interpreter(model_path=path, num_threads=1), [x])
    np.testing.assert_allclose(y, np.tanh(x), atol=1e-6)


def test_interpreter_wants_one_source() -> None:
    with pytest.raises(ExportError, match="got neither"):
        Interpreter()
    with pytest.raises(ExportError, match="got both"):
        Interpreter("a", b"b")
    with pytest.raises(ExportError, match="which is none"):
        Interpreter("nowhere.tflite")


def test_delegate_that_is_missing() -> None:
    with pytest.raises(ExportError, match=r"libnone\.so: a delegate library"):
        load_delegate("libnone.so")


def test_missing_runtime_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    with pytest.raises(MissingRuntimeError, match=r"pip install 'nnlib\[tflite\]'"):
        Interpreter(model_content=b"")
    with pytest.raises(ImportError):
        load_delegate("x.so")


def test_exporting_needs_no_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convert, "runtime_installed", lambda: False)
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    assert export_tflite(jnp.tanh, X).max_error is None


def test_everything_public_is_listed() -> None:
    assert all(hasattr(te, name) for name in te.__all__)
    assert "dot_general" in te.supported_primitives()


def test_errors_pickle() -> None:
    error = UnsupportedOpError("here", "a", "b", "Do c.")
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == "here: a, got b. Do c."
    assert again.remedy == "Do c."


def test_specs_may_be_arrays_and_structs() -> None:
    for spec in (np.ones((2, 4), np.float32), jax.ShapeDtypeStruct((2, 4), jnp.float32)):
        assert export_tflite(jnp.tanh, spec).inputs[0].shape == (2, 4)
