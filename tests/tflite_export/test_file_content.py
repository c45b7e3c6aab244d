"""Files are written whole or not at all."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import jax
import pytest
from nnlib.tflite_export import InputSpecError, TensorSpec, export_tflite
from nnlib.tflite_export.file_content import FileContent, saved_after

PARTS = [[b"new"], [b"n", b"ew"]]


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "m.tflite"
    path.write_bytes(b"old")
    return path


def alone(path: Path) -> bool:
    return [found.name for found in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("parts", PARTS)
def test_a_failing_check_leaves_the_old_file(old: Path, parts: list[bytes]) -> None:
    def check() -> None:
        with saved_after(FileContent(parts), old) as checked:
            read = checked.joined if isinstance(checked, FileContent) else checked.read_bytes()
            assert read == b"new"
            assert old.read_bytes() == b"old"
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        check()
    assert old.read_bytes() == b"old"
    assert alone(old)


@pytest.mark.parametrize("parts", PARTS)
def test_an_interrupted_write_leaves_the_old_file(old: Path, parts: list[Any]) -> None:
    with pytest.raises(TypeError), saved_after(FileContent([*parts, "no bytes"]), old):
        pass
    assert old.read_bytes() == b"old"
    assert alone(old)


@pytest.mark.parametrize("parts", PARTS)
def test_the_new_file_takes_the_place_and_the_rights(old: Path, parts: list[bytes]) -> None:
    old.chmod(0o640)
    with saved_after(FileContent(parts), old):
        pass
    assert old.read_bytes() == b"new"
    assert old.stat().st_mode & 0o777 == 0o640
    assert alone(old)


def test_rights_of_a_new_file_are_the_usual_ones(tmp_path: Path) -> None:
    (tmp_path / "usual").write_bytes(b"")
    written = FileContent([b"new"]).write(str(tmp_path / "deep" / "model"))
    assert written == tmp_path / "deep" / "model"
    assert written.stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_a_link_stays_one(old: Path) -> None:
    link = old.with_name("link")
    link.symlink_to(old.name)
    FileContent([b"new"]).write(link)
    assert link.is_symlink()
    assert old.read_bytes() == b"new"


def test_a_device_stays_one(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    found: list[bytes] = []
    reader = threading.Thread(target=lambda: found.append(pipe.read_bytes()))
    reader.start()
    FileContent([b"new"]).write(pipe)
    reader.join(10)
    assert found == [b"new"]
    assert pipe.is_fifo()


def test_two_at_once_give_one_of_them(tmp_path: Path) -> None:
    path = tmp_path / "m.tflite"
    contents = [bytes([n]) * 100_000 for n in range(4)]
    writers = [
        threading.Thread(target=FileContent([c[:9], c[9:]]).write, args=(path,)) for c in contents
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert path.read_bytes() in contents
    assert alone(path)


@pytest.mark.parametrize("wrong", ["", ".", "new/", 3, b"m.tflite"])
def test_what_is_no_path_of_a_file_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: Any
) -> None:
    def fn(x: jax.Array) -> jax.Array:
        raise AssertionError("traced")

    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputSpecError, match=r"path: the path of a file, got"):
        export_tflite(fn, TensorSpec((2,)), wrong)
    assert not list(tmp_path.iterdir())
