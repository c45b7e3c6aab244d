"""What a wheel holds: the sibling folders inside nnlib, and no package `distributed` at the top."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    options = ["--wheel", "--no-isolation", "--outdir", str(folder)]
    command = [sys.executable, "-m", "build", *options, str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = folder.glob("nnlib-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def test_the_top_level_is_nnlib_alone(names):
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"nnlib"}


@pytest.mark.parametrize("folder", ["nnlib", "distributed", "tflite_export"])
def test_every_source_file_is_in_it(names, folder):
    inside = "nnlib" if folder == "nnlib" else f"nnlib/{folder}"
    expected = {
        f"{inside}/{path.relative_to(ROOT / folder).as_posix()}"
        for path in (ROOT / folder).rglob("*.py")
    }
    assert expected
    assert expected <= set(names)


def test_it_says_that_it_is_typed(names):
    assert "nnlib/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
