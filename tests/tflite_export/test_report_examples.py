"""Programs beside a model, pictures of it, and its partitions."""

from __future__ import annotations

import ast
import os
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


_ALONE = """
import runpy, sys
ALLOWED = {*sys.stdlib_module_names, "numpy", "ai_edge_litert"}
ALLOWED |= {"backports", "flatbuffers", "google", "ml_dtypes", "tqdm", "typing_extensions"}
class Alone:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] not in ALLOWED:
            raise ImportError(f"{name} is not there")
sys.meta_path.insert(0, Alone())
for name in ("jax", "nnlib"):
    try:
        __import__(name)
    except ImportError:
        continue
    sys.exit(f"{name} is there")
runpy.run_path(sys.argv[1], run_name="__main__")
"""


def run_alone(path: Path) -> str:
    """Output of a program that finds only LiteRT, what that needs, and numpy."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", _ALONE, str(path)],
        capture_output=True, check=True, timeout=60, encoding="utf-8",
        env={**os.environ, "PYTHONUTF8": "1"},
    )  # fmt: skip
    return done.stdout


def test_python_runs_with_litert_and_numpy_alone(report: Report, tmp_path: Path) -> None:
    (path,) = report.write_example(tmp_path, ("python",), name="tiny")
    shown = run_alone(path)
    want = (np.zeros((1, 3)) - 1) / 2 @ W + 1.0
    assert f"best: {[LABELS[int(want.argmax())]]}" in shown
    assert "number (2,) [0 0]" in shown


def test_odd_names_are_escaped_and_compile(tmp_path: Path) -> None:
    """Names that would end a string, a comment or a line in one of the languages."""
    odd = 'in"\\u000a\n$x\u2028*/\N{GRINNING FACE}\xa0'
    report = export_tflite(
        lambda x, count: {odd: x[odd] + 1.0, "flag": x[odd] > 0, "twice": count * 2},
        ({odd: TensorSpec((None, 2))}, TensorSpec((3,), np.int32)),
        name=f"key {odd}",
        metadata=Metadata(
            description='"""', labels={odd: ['"""', "\\"]}, mean={odd: 1}, std={odd: 2}
        ),
        verify=False,
    )
    name = 'm\'"\\ $d """ ü'
    paths = report.write_example(tmp_path, name=name)
    texts = {path.suffix: path.read_text() for path in paths}
    assert "(1, 2) [[0.5 0.5]]" in run_alone(paths[0])
    _compile_cpp(paths[-1], tmp_path)
    _compile_java(paths[2], tmp_path)
    assert all("\u2028" not in text and "\n$x" not in text for text in texts.values())
    assert r'"in\"\\u000a\n\$x\u2028*/' in texts[".kt"]
    assert "typed_input_tensor<int32_t>(1)" in texts[".cc"]
    assert "buffer(3 * 4)" in texts[".java"]


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\0b", "a\n"])
def test_names_of_no_file_are_refused(report: Report, tmp_path: Path, name: str) -> None:
    with pytest.raises(ExportError, match="a name for a file"):
        report.write_example(tmp_path, name=name)
    assert not list(tmp_path.iterdir())


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
    assert "value = np.clip(value, -128, 127)\nvalue = value.astype(np.int8)\n" in text
    ast.parse(text)


_STUBS = {
    "tflite/interpreter.h": """
#pragma once
#include <cstddef>
enum TfLiteStatus { kTfLiteOk, kTfLiteError };
struct TfLiteTensor { std::size_t bytes; };
namespace tflite {
struct Interpreter {
  TfLiteStatus AllocateTensors();
  TfLiteStatus Invoke();
  template <class T> T* typed_input_tensor(int);
  template <class T> T* typed_output_tensor(int);
  TfLiteTensor* output_tensor(std::size_t);
};
}
""",
    "tflite/kernels/register.h": """
#pragma once
namespace tflite { namespace ops { namespace builtin { struct BuiltinOpResolver {}; } } }
""",
    "tflite/model_builder.h": """
#pragma once
#include <memory>
namespace tflite {
struct FlatBufferModel { static std::unique_ptr<FlatBufferModel> BuildFromFile(const char*); };
}
""",
    "tflite/interpreter_builder.h": """
#pragma once
#include "tflite/interpreter.h"
#include "tflite/kernels/register.h"
#include "tflite/model_builder.h"
namespace tflite {
struct InterpreterBuilder {
  InterpreterBuilder(const FlatBufferModel&, const ops::builtin::BuiltinOpResolver&);
  TfLiteStatus operator()(std::unique_ptr<Interpreter>*);
};
}
""",
}


def _compile_cpp(path: Path, folder: Path) -> None:
    if shutil.which("g++") is None:
        return
    for name, text in _STUBS.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    options = ["-std=c++14", "-Wall", "-Werror", "-fsyntax-only", f"-I{folder}"]
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


def _compile_java(path: Path, folder: Path) -> None:
    if shutil.which("javac") is None:
        return
    stub = folder / "org" / "tensorflow" / "lite" / "Interpreter.java"
    stub.parent.mkdir(parents=True)
    stub.write_text(_JAVA_STUB)
    subprocess.run(
        ["javac", "-encoding", "UTF-8", "-d", str(folder / "out"), str(stub), str(path)],
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
    with pytest.raises(ExportError, match="a sequence of languages"):
        report.write_example(tmp_path, "python")


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
    assert "value = np.clip(value, -128, 127)\nvalue = value.astype(np.int8)" in path.read_text()
    assert run_alone(path).startswith("output_0 (1, 3) [[0. 0. 0.]]")
    cpp, java = report.write_example(tmp_path, ("cpp", "java"))
    assert "typed_input_tensor<int8_t>(0)" in cpp.read_text()
    assert "buffer(3 * 1)" in java.read_text()
