"""The command `nnlib`: what it prints and writes, and that mistakes end with 2 and a sentence."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import flatbuffers
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from nnlib.tflite_export import (
    Metadata,
    TensorSpec,
    command,
    export_tflite,
    isolated_run,
    read_tflite,
)
from nnlib.tflite_export.text_tables import TextTable, clean, print_tables

import nnlib as nn

X = np.random.default_rng(0).normal(size=(2, 4)).astype(np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models and inputs that no test changes."""
    found = tmp_path_factory.mktemp("command")
    model = nn.Sequential([nn.Input((4,)), nn.layers.Dense(3, activation="softmax")])
    model.save(found / "model.keras")
    export_tflite(
        model, path=found / "model.tflite", verify=False, metadata=Metadata(labels=["a", "b", "c"])
    )
    export_tflite(
        lambda left, right: {"file": left + right},
        (TensorSpec((None, 4)), TensorSpec((None, 4), np.int32)),
        path=found / "two.tflite",
        verify=False,
    )
    np.save(found / "x.npy", X)
    np.save(found / "wide.npy", X.astype(np.float64))
    np.save(found / "wrong.npy", np.ones((2, 5)))
    np.save(found / "text.npy", np.array(["a"]))
    np.savez(found / "both.npz", left=X, right=np.full((2, 4), 2, np.int64))
    np.savez_compressed(found / "torn.npz", left=np.arange(100.0))
    torn = bytearray((found / "torn.npz").read_bytes())
    torn[60:80] = bytes(20)
    (found / "torn.npz").write_bytes(torn)
    (found / "huge.npy").write_bytes(
        (found / "x.npy").read_bytes().replace(b"(2, 4), } ", b"(1%s, 4),}" % (b"0" * 9))
    )
    (found / "latin.txt").write_bytes(b"\xe9\n")
    (found / "expected.json").write_text(json.dumps(np.asarray(model(X)).tolist()))
    return found


def run(capsys: pytest.CaptureFixture[str], *arguments: Any) -> tuple[int, str, str]:
    code = command.main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_export(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels = tmp_path / "labels.txt"
    labels.write_text("cat\ndog\ncow\n")
    target = tmp_path / "out" / "small.tflite"
    code, out, _ = run(
        capsys, "export", folder / "model.keras", "-o", target, "--labels", labels,
        "--description", "Three animals.",
    )  # fmt: skip
    assert code == 0
    assert "FULLY_CONNECTED 1, SOFTMAX 1" in out
    code, out, _ = run(capsys, "inspect", target)
    assert "cat, dog, cow" in out
    assert "Three animals." in out


def test_export_of_the_folder_that_one_is_in(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "net").mkdir()
    nn.Sequential([nn.Input((4,)), nn.layers.Dense(2)]).save(tmp_path / "net")
    monkeypatch.chdir(tmp_path / "net")
    code, _, err = run(capsys, "export", ".")
    assert (code, err) == (0, "")
    assert read_tflite(tmp_path / "net.tflite").ops == {"FULLY_CONNECTED": 1}


def test_export_for_a_microcontroller(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(
        capsys, "export", folder / "model.keras", "-o", tmp_path / "net.tflite", "--target",
        "micro", "--header", tmp_path / "net.h", "--example", tmp_path / "programs",
    )  # fmt: skip
    assert code == 0
    assert "float32[1, 4]" in out
    assert "NET_ARENA_SIZE" in (tmp_path / "net.h").read_text()
    assert (tmp_path / "programs" / "run_model.py").exists()
    assert (tmp_path / "programs" / "net.tflite").exists()


@pytest.mark.parametrize("data", ["x.npy", "named.npz"])
def test_export_of_integers(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], data: str
) -> None:
    np.savez(folder / "named.npz", **{_input_name(folder / "model.tflite"): X})
    target = tmp_path / "small.tflite"
    code, out, err = run(
        capsys, "export", folder / "model.keras", "-o", target, "--quantize", "int8",
        "--representative", folder / data,
    )  # fmt: skip
    assert code == 0, err
    _, out, _ = run(capsys, "inspect", target)
    assert "int8[3, 4]" in out
    assert "scales" in out
    code, out, _ = run(capsys, "run", target, "--input", folder / "x.npy")
    assert code == 0


def test_inspect_prints_tables(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "inspect", folder / "model.tflite")
    assert code == 0
    for words in ("float32[?, 4]", "FULLY_CONNECTED", "serving_default", "labels of output_0"):
        assert words in out


def test_inspect_json_is_everything(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "inspect", folder / "model.tflite", "--json")
    data = json.loads(out)
    assert data["bytes"] == (folder / "model.tflite").stat().st_size
    assert data["ops"] == {"FULLY_CONNECTED": 1, "SOFTMAX": 1}
    assert data["about"]["labels"] == {"output_0": ["a", "b", "c"]}
    assert data["subgraphs"][0]["tensors"][0]["shape"] == [None, 4]
    assert data["partitions"] == {"delegated": 1, "outside": []}
    assert data["arena"]["total"] > data["arena"]["records"] > 0


def test_inspect_shows_each_signature_and_what_runs_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = export_tflite(
        signatures={
            "sum": (lambda x: jnp.cumsum(jnp.tanh(x), 1), TensorSpec((2, 3), name="values")),
            "twice": (lambda x: {"double": x * 2}, TensorSpec((None,), np.int32)),
        },
        metadata={"twice": Metadata(description="Doubles.")},
        path=tmp_path / "two.tflite",
        verify=False,
    )
    code, out, _ = run(capsys, "inspect", tmp_path / "two.tflite")
    assert code == 0
    for words in (
        "Signature sum", "values    float32[2, 3]", "Signature twice", "double  int32[?]",
        "Metadata of twice", "Doubles.", str(report.partitions), f"{report.arena.total:,} bytes",
    ):  # fmt: skip
        assert words in out


def test_inspect_reads_what_litert_does_not_load(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = schema.ModelT.InitFromPackedBuf((folder / "model.tflite").read_bytes(), 0)
    model.operatorCodes[0].version = 99
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    (tmp_path / "m.tflite").write_bytes(builder.Output())
    code, out, _ = run(capsys, "inspect", tmp_path / "m.tflite")
    assert code == 0
    assert "FULLY_CONNECTED       99" in out
    assert "XNNPACK" not in out


def test_long_tables_are_cut_unless_all_is_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def deep(x: jax.Array) -> jax.Array:
        for _ in range(25):
            x = jnp.tanh(jnp.abs(x))
        return x

    path = tmp_path / "deep.tflite"
    export_tflite(deep, TensorSpec((2,)), path, verify=False)
    _, short, _ = run(capsys, "inspect", path)
    _, full, _ = run(capsys, "inspect", path, "--all")
    assert "10 more: --all lists them" in short
    assert "more" not in full
    assert len(full) > len(short)


@pytest.mark.parametrize("source", ["x.npy", "wide.npy", "input_layer=x.npy"])
def test_run(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], source: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(folder)
    source = source.replace("input_layer", _input_name(folder / "model.tflite"))
    target = tmp_path / "out.npz"
    code, out, err = run(capsys, "run", "model.tflite", "--input", source, "--output", target)
    assert (code, err) == (0, "")
    assert "float32[2, 3]" in out
    with np.load(target) as archive:
        expected = json.loads((folder / "expected.json").read_text())
        np.testing.assert_allclose(archive["output_0"], expected, atol=1e-6)


def _input_name(path: Path) -> str:
    graph = schema.ModelT.InitFromPackedBuf(path.read_bytes(), 0).subgraphs[0]
    return graph.tensors[graph.inputs[0]].name.decode()


def test_several_inputs_from_one_archive(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "out.npz"
    arguments = ("run", folder / "two.tflite", "--input", folder / "both.npz", "--output", target)
    assert run(capsys, *arguments)[0] == 0
    with np.load(target) as archive:
        np.testing.assert_allclose(archive["file"], X + 2)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "model.tflite", "--input", "wrong.npy"], "float32[?, 4], got float64[2, 5]"),
        (["run", "model.tflite", "--input", "no=x.npy"], "Write --input"),
        (["run", "model.tflite"], "got []"),
        (["run", "model.tflite", "--input", "text.npy"], "an array of float32[?, 4]"),
        (["run", "model.tflite", "--input", "model.tflite"], "a .npy or .npz file of numbers"),
        (["run", "model.tflite", "--input", "absent.npy"], "absent.npy"),
        (["run", "two.tflite", "--input", "left=x.npy", "--input", "right=x.npy"], "int32"),
        (["run", "two.tflite", "--input", "left=both.npz"], "2 of them in both.npz"),
        (["run", "two.tflite", "--input", "both.npz", "--input", "left=x.npy"], "another one"),
        (["run", "model.tflite", "--input", "x.npy", "--input", "x.npy"], "another one before"),
        (["run", "model.tflite", "--input", "torn.npz"], "a .npy or .npz file of numbers"),
        (["run", "model.tflite", "--input", "huge.npy"], "a .npy or .npz file of numbers"),
        (["run", "model.tflite", "--input", "x.npy", "--output", "."], "the path of a file"),
        (["export", "model.keras", "-o", "."], "the path of a file"),
        (["export", "model.keras", "--labels", "latin.txt"], "a text file in UTF-8"),
        (["run", "model.tflite", "--input", "x.npy", "--signature", "no"], "'serving_default'"),
        (["inspect", "x.npy"], "identifier b'TFL3'"),
        (["inspect", "absent.tflite"], "absent.tflite"),
        (["inspect", "."], "directory"),
        (["export", "absent.keras"], "expected a model"),
        (["export", "x.npy"], "x.npy"),
    ],
)
def test_mistakes_end_with_2_and_a_sentence(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    words: str,
) -> None:
    monkeypatch.chdir(folder)
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("nnlib: ")
    assert words in err
    assert "Traceback" not in err


def test_a_missing_runtime_is_named(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(isolated_run, "runtime_installed", lambda: False)
    code, _, err = run(capsys, "run", folder / "model.tflite", "--input", folder / "x.npy")
    assert code == 2
    assert "pip install 'nnlib[tflite]'" in err


def test_as_a_module_that_does_not_wait_for_jax(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "nnlib", "inspect", str(folder / "x.npy")],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    imported, own = [], []
    for line in done.stderr.splitlines():
        (imported if line.startswith("import time:") else own).append(line)
    assert done.returncode == 2
    assert len(own) == 1
    assert own[0].startswith("nnlib: ")
    modules = {line.rpartition("|")[2].strip() for line in imported}
    assert "numpy" in modules
    assert "jax" not in modules


@pytest.mark.parametrize("arguments", [[], ["fly"], ["export", "m", "--quantize", "int3"]])
def test_wrong_usage_ends_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        command.main(arguments)
    assert stopped.value.code == 2
    assert "usage: nnlib" in capsys.readouterr().err


class _Terminal:
    """Stands in for a terminal."""

    def __init__(self) -> None:
        self.text = ""

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> None:
        self.text += text


def test_names_cannot_command_the_terminal() -> None:
    table = TextTable("[bold]T[/bold]", ("name", ">n"), [("\x1b[2J[red]a\n", 1)])
    terminal = _Terminal()
    print_tables([table], terminal)  # type: ignore[arg-type]
    assert "\x1b[2J" not in terminal.text
    assert "[red]a" in terminal.text
    assert "\n" not in clean("a\nb")
    assert len(clean("a" * 1000)) == 60


def test_errors_cannot_command_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "inspect", "a\x1b[2J")
    assert code == 2
    assert "\x1b" not in err
    assert "[2J" in err


def test_without_rich_a_terminal_gets_plain_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rich.console", None)
    terminal = _Terminal()
    print_tables([TextTable("T", ("name", ">n"), [("a", 10)])], terminal)  # type: ignore[arg-type]
    assert terminal.text == "T\nname   n\na     10\n"
