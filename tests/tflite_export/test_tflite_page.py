"""What docs/tflite.md shows is done: its Python in order, then its commands."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from nnlib.tflite_export import command

PAGE = (Path(__file__).parents[2] / "docs" / "tflite.md").read_text()


def test_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for code in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        with jax.numpy_rank_promotion("allow"):  # as users have it
            exec(compile(code, "docs/tflite.md", "exec"), names)
    for name in ("drawings.tflite", "drawings.png", "programs/RunModel.kt", "include/drawings.h"):
        assert (tmp_path / name).exists()
    names["model"].save("drawings.keras")
    np.save("images.npy", names["images"])
    (shell,) = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    for line in shell.splitlines():
        program, *arguments = shlex.split(line)
        assert program == "nnlib"
        assert command.main(arguments) == 0, capsys.readouterr().err
    with np.load("scores.npz") as scores:
        assert scores["output_0"].shape == (2, 3)
