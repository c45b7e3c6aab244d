"""Programs beside a model, pictures of it, and its partitions."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nnlib.tflite_export import (
    ExportError,
    Metadata,
    MissingPlotError,
    Report,
    TensorSpec,
    export_tflite,
)
from nnlib.tflite_export.example_facts import facts_of
from nnlib.tflite_export.example_python import program
from nnlib.tflite_export.model_info import QuantisationInfo
from nnlib.tflite_export.plotting import largest_constants

LABELS = ["a $x", 'b"\\', "ü"]
W = np.random.default_rng(0).normal(size=(3, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def report() -> Report:
    def fn(image: jax.Array, flag: jax.Array) -> Any:
        return {"scores": image @ W + 1.0, "number": flag * 2}

    return export_tflite(
        fn,
        (TensorSpec((None, 3)), TensorSpec((2,), np.int32)),
        metadata=Metadata(labels={"scores": LABELS}, mean={"image": 1}, std={"image": 2}),
        verify=False,
    )


def test_python_runs_with_litert_and_numpy_alone(report: Report, tmp_path: Path) -> None:
    (path,) = report.write_example(tmp_path, ("python",), name="tiny")
    names = {
        alias.split(".")[0]
        for node in ast.walk(ast.parse(path.read_text()))
        for alias in (
            [a.name for a in node.names] if isinstance(node, ast.Import)
            else [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        )
    }  # fmt: skip
    assert names == {"pathlib", "numpy", "ai_edge_litert"}
    done = subprocess.run(
        [sys.executable, "-I", str(path)], capture_output=True, text=True, check=True, timeout=60
    )
    want = (np.zeros((1, 3)) - 1) / 2 @ W + 1.0
    assert f"best: {[LABELS[int(want.argmax())]]}" in done.stdout
    assert "number (2,) [0 0]" in done.stdout


def test_a_quantised_input_is_told_how(report: Report) -> None:
    """The arithmetic of scale and zero point, run on the program's own lines."""
    graph = report.model.main
    scale = QuantisationInfo(np.array([0.5], np.float32), np.array([-3]))
    tensors = tuple(
        replace(t, dtype="int8", quantisation=scale) if t.index in graph.inputs[:1] else t
        for t in graph.tensors
    )
    info = replace(report.model, subgraphs=(replace(graph, tensors=tensors),))
    text = program(facts_of(info, "m.tflite"))
    assert "value = np.round(value / 0.5) + -3" in text
    assert "np.clip(value, -128, 127).astype(np.int8)" in text
    ast.parse(text)


_STUBS = {
    "tensorflow/lite/interpreter.h": """
#pragma once
enum TfLiteStatus { kTfLiteOk, kTfLiteError };
namespace tflite {
struct Interpreter {
  TfLiteStatus AllocateTensors();
  TfLiteStatus Invoke();
  template <class T> T* typed_input_tensor(int);
  template <class T> T* typed_output_tensor(int);
};
}
""",
    "tensorflow/lite/kernels/register.h": """
#pragma once
namespace tflite { namespace ops { namespace builtin { struct BuiltinOpResolver {}; } } }
""",
    "tensorflow/lite/model.h": """
#pragma once
#include <memory>
#include "tensorflow/lite/interpreter.h"
#include "tensorflow/lite/kernels/register.h"
namespace tflite {
struct FlatBufferModel { static std::unique_ptr<FlatBufferModel> BuildFromFile(const char*); };
struct InterpreterBuilder {
  InterpreterBuilder(const FlatBufferModel&, const ops::builtin::BuiltinOpResolver&);
  TfLiteStatus operator()(std::unique_ptr<Interpreter>*);
};
}
""",
}


def test_cpp_compiles(report: Report, tmp_path: Path) -> None:
    (path,) = report.write_example(tmp_path, ("cpp",))
    assert "typed_input_tensor<int32_t>(1)" in path.read_text()
    if shutil.which("g++") is None:
        return
    for name, text in _STUBS.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    options = ["-std=c++14", "-Wall", "-Werror", "-fsyntax-only", f"-I{tmp_path}"]
    subprocess.run(["g++", *options, str(path)], check=True, timeout=60)


_JAVA_STUB = """
package org.tensorflow.lite;
public final class Interpreter implements AutoCloseable {
  public Interpreter(java.io.File model) {}
  public void runSignature(
      java.util.Map<String, Object> in, java.util.Map<String, Object> out, String key) {}
  public void close() {}
}
"""


def test_java_compiles(report: Report, tmp_path: Path) -> None:
    (path,) = report.write_example(tmp_path, ("java",))
    assert "buffer(3 * 4)" in path.read_text()
    if shutil.which("javac") is None:
        return
    stub = tmp_path / "org" / "tensorflow" / "lite" / "Interpreter.java"
    stub.parent.mkdir(parents=True)
    stub.write_text(_JAVA_STUB)
    subprocess.run(
        ["javac", "-encoding", "UTF-8", "-d", str(tmp_path / "out"), str(stub), str(path)],
        check=True,
        timeout=120,
    )


@pytest.mark.parametrize("language", ["kotlin", "swift", "java", "cpp"])
def test_programs_name_the_model_and_its_ends(
    report: Report, tmp_path: Path, language: str
) -> None:
    (path,) = report.write_example(tmp_path, (language,), name="tiny")
    text = path.read_text()
    for words in ("tiny.tflite", "image: float32[?, 3]", "(raw - 1.0) / 2.0", "ü", "1.5.0"):
        assert words in text
    code = re.sub(r'"(\\.|[^"\\])*"', '""', re.sub(r"//.*", "", text))
    for opening, closing in ("()", "[]", "{}"):
        assert code.count(opening) == code.count(closing)
    if language == "kotlin":
        assert '"a \\$x"' in text
    assert (tmp_path / "tiny.tflite").read_bytes() == report.content


def test_all_languages_by_default(report: Report, tmp_path: Path) -> None:
    paths = report.write_example(tmp_path / "new")
    assert [path.suffix for path in paths] == [".py", ".kt", ".java", ".swift", ".cc"]


def test_other_languages_are_refused(report: Report, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"got \['rust'\]"):
        report.write_example(tmp_path, ("rust",))


def test_plot(report: Report, tmp_path: Path) -> None:
    figure = report.plot(tmp_path / "pictures" / "m.png")
    assert (tmp_path / "pictures" / "m.png").read_bytes()[:4] == b"\x89PNG"
    sizes, counts = figure.axes
    assert sum(bar.get_width() for bar in counts.patches) == sum(report.ops.values())
    assert sum(bar.get_width() for bar in sizes.patches) * 1024 == sum(
        size for _, size in largest_constants(report.model)
    )


def test_many_constants_are_gathered() -> None:
    def fn(x: jax.Array) -> jax.Array:
        for number in range(20):
            x = jnp.tanh(x @ np.full((2, 2), number + 1.5, np.float32))
        return x

    ranked = largest_constants(export_tflite(fn, TensorSpec((1, 2)), verify=False).model)
    assert len(ranked) == 12
    assert ranked[-1] == ("9 others", 9 * 16)


def test_plot_without_matplotlib(report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingPlotError, match=r"nnlib\[plot\]"):
        report.plot()


def test_partitions() -> None:
    def fn(x: jax.Array) -> jax.Array:
        return jnp.tanh(jnp.cumsum(jnp.tanh(x @ W), 1) @ W)

    parts = export_tflite(fn, TensorSpec((None, 3)), verify=False).partitions
    assert (parts.delegated, parts.outside) == (2, ("CUMSUM",))
    assert str(parts) == "2 XNNPACK partitions, 1 operator outside"


def test_notebooks_show_the_report(report: Report) -> None:
    assert report._repr_html_() == f"<pre>{report}</pre>"


def test_python_runs_an_integer_file(tmp_path: Path) -> None:
    report = export_tflite(
        lambda x: jax.nn.relu(x @ W),
        TensorSpec((None, 3)),
        quantize="int8",
        representative=[np.linspace(-1, 2, 3, dtype=np.float32)[None]],
        io_dtype="int8",
        verify=False,
    )
    (path,) = report.write_example(tmp_path, ("python",))
    assert "np.clip(value, -128, 127).astype(np.int8)" in path.read_text()
    done = subprocess.run(
        [sys.executable, "-I", str(path)], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.startswith("output_0 (1, 3) [[0. 0. 0.]]")
    cpp, java = report.write_example(tmp_path, ("cpp", "java"))
    assert "typed_input_tensor<int8_t>(0)" in cpp.read_text()
    assert "buffer(3 * 1)" in java.read_text()
