"""Constants behind the flatbuffer, which is how files grow beyond 2 GB; here with a low limit."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from nnlib.tflite_export import (
    ExportMismatchError,
    Interpreter,
    TensorSpec,
    convert,
    export_tflite,
    flatbuffer_writer,
)
from nnlib.tflite_export.verify import run

RANDOM = np.random.default_rng(0)
W = RANDOM.normal(size=(30, 17)).astype(np.float32)
V = RANDOM.normal(size=(17, 20)).astype(np.float32)
X = TensorSpec((None, 30))


def fn(x: jax.Array) -> jax.Array:
    return jax.nn.relu(x @ W + 1.0) @ V


@pytest.fixture
def low_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flatbuffer_writer, "FLATBUFFER_LIMIT", 2000)


def test_large_constants_lie_behind_the_flatbuffer(low_limit: None) -> None:
    report = export_tflite(fn, X, verify=True)
    assert len(report.file.parts) > 1
    assert report.bytes == len(report.content) == report.file.size
    model = schema.ModelT.InitFromPackedBuf(report.content, 0)
    behind = [b for b in model.buffers if b.offset]
    assert sorted(b.size for b in behind) == sorted([W.nbytes, V.nbytes])
    for buffer in behind:
        assert buffer.offset % 16 == 0
        data = report.content[buffer.offset : buffer.offset + buffer.size]
        assert data in (W.T.tobytes(), V.T.tobytes())
    assert all(b.data is None or len(b.data) < 1024 for b in model.buffers)


def test_runs_from_a_path_and_from_content(low_limit: None, tmp_path: Path) -> None:
    report = export_tflite(fn, X, tmp_path / "new" / "m.tflite")
    path = tmp_path / "new" / "m.tflite"
    assert path.read_bytes() == report.content
    assert [p.name for p in path.parent.iterdir()] == ["m.tflite"]
    x = RANDOM.normal(size=(3, 30)).astype(np.float32)
    for runner in (Interpreter(model_path=path), Interpreter(model_content=report.content)):
        np.testing.assert_allclose(run(runner, [x])[0], fn(x), atol=1e-5)


def test_a_file_that_fails_verification_is_not_left(
    low_limit: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(content: object, *rest: object, key: object) -> float:
        assert isinstance(content, Path)
        assert content.exists()
        raise ExportMismatchError("a", "b", "c", "d")

    monkeypatch.setattr(convert, "verify_content", fail)
    with pytest.raises(ExportMismatchError):
        export_tflite(fn, X, tmp_path / "m.tflite", verify=True)
    assert not list(tmp_path.iterdir())


def test_writing_does_not_copy_the_constants(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """8 MB of constants pass through with little memory of their own."""
    monkeypatch.setattr(flatbuffer_writer, "FLATBUFFER_LIMIT", 2000)
    table = jnp.asarray(RANDOM.normal(size=(1 << 15, 64)).astype(np.float32))
    tracemalloc.start()
    try:
        spec = TensorSpec((None,), np.int32)
        export_tflite(lambda i: table[i], spec, tmp_path / "m.tflite", verify=False)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (tmp_path / "m.tflite").stat().st_size > table.nbytes
    assert peak < table.nbytes / 2
