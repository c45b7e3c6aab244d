"""Files that LiteRT, or the tools around it, might not survive."""

from __future__ import annotations

from pathlib import Path

import flatbuffers
import jax
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from nnlib.tflite_export import TensorSpec, command, export_tflite, isolated_run

X = np.random.default_rng(0).normal(size=(2, 4)).astype(np.float32)


@pytest.fixture(scope="module")
def two() -> bytes:
    """A file with two inputs."""
    specs = (TensorSpec((None, 4)), TensorSpec((None, 4), np.int32))
    return export_tflite(lambda left, right: left + right, specs, verify=False).content


def run(capsys: pytest.CaptureFixture[str], model: Path, inputs: Path) -> tuple[int, str]:
    code = command.main(["run", str(model), "--input", str(inputs)])
    return code, capsys.readouterr().err


def test_a_file_that_crashes_litert_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A stride of 0 passes every reader, and divides by zero in some kernels."""
    weights = np.ones((3, 3, 1, 2), np.float32)
    report = export_tflite(
        lambda x: jax.lax.conv_general_dilated(
            x, weights, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        ),
        TensorSpec((1, 4, 4, 1)),
        verify=False,
    )
    model = schema.ModelT.InitFromPackedBuf(report.content, 0)
    model.subgraphs[0].operators[0].builtinOptions.strideW = 0
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    (tmp_path / "m.tflite").write_bytes(builder.Output())
    np.save(tmp_path / "x.npy", np.ones((1, 4, 4, 1), np.float32))
    code, err = run(capsys, tmp_path / "m.tflite", tmp_path / "x.npy")
    assert code == 2
    assert "a file that LiteRT runs" in err


@pytest.mark.parametrize("seed", range(6))
def test_damaged_files_run_or_are_an_error(
    two: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str], seed: int
) -> None:
    damaged = bytearray(two)
    for place in np.random.default_rng(seed).integers(0, len(damaged), size=2):
        damaged[place] ^= 0xFF
    (tmp_path / "m.tflite").write_bytes(damaged)
    np.savez(tmp_path / "in.npz", left=X, right=np.ones((2, 4), np.int32))
    code, err = run(capsys, tmp_path / "m.tflite", tmp_path / "in.npz")
    assert (code == 0) == (err == "")
    assert code in (0, 2)


@pytest.mark.parametrize(
    ("name", "names"),
    [
        (b"", ["input_0", "input_1"]),
        (b"same", ["same", "same_1"]),
        ("é file".encode(), ["é file", "é file_1"]),
    ],
)
def test_files_without_signatures_and_with_odd_names_run(
    two: bytes, tmp_path: Path, name: bytes, names: list[str]
) -> None:
    model = schema.ModelT.InitFromPackedBuf(two, 0)
    model.signatureDefs = []
    for tensor in model.subgraphs[0].tensors:
        tensor.name = name
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    (tmp_path / "m.tflite").write_bytes(builder.Output())
    numbers = np.full((2, 4), 2, np.int32)
    found = isolated_run.run_file(
        tmp_path / "m.tflite", dict(zip(names, (X, numbers), strict=True))
    )
    (output,) = found.values()
    np.testing.assert_allclose(output, X + 2)
