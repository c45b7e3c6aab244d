"""What the documents claim is there."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *ROOT.glob("benchmarks/*.md")]
)


def test_the_feature_table_is_that_of_the_package():
    path = ROOT / "docs" / "make_features.py"
    spec = importlib.util.spec_from_file_location("make_features", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (ROOT / "docs" / "features.md").read_text() == module.table(), "run: make docs"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_and_files_exist(path):
    text = path.read_text()
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        if not target.startswith("http"):
            assert (path.parent / target).exists(), f"{path.name}: {target}"
    for target in re.findall(r"`((?:nnlib|tests|docs|core|training|saving)/[\w/]+\.\w+)`", text):
        assert (ROOT / target).exists() or (ROOT / "nnlib" / target).exists(), target


def run_code_of(path, folder):
    """Run the Python blocks of a page, one after the other, in a process of their own."""
    code = "\n".join(
        re.findall(r"^```python\n(.*?)^```", path.read_text(), re.DOTALL | re.MULTILINE)
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr


def test_the_readmes_code_runs(tmp_path):
    run_code_of(ROOT / "README.md", tmp_path)
    assert (tmp_path / "digits.tflite").exists()
    assert (tmp_path / "checkpoints" / "digits-1").is_dir()


def test_the_code_on_saving_runs(tmp_path):
    run_code_of(ROOT / "docs" / "saving.md", tmp_path)
    assert (tmp_path / "scaled.keras").exists()


def test_the_code_on_sharding_runs(tmp_path):
    run_code_of(ROOT / "docs" / "distributed_sharding.md", tmp_path)
    assert (tmp_path / "sharded.keras").exists()


def test_the_pages_name_no_machine():
    for path in DOCUMENTS:
        assert not re.search(r"/(tmp|work|root|home)/", path.read_text()), path


def test_the_code_on_many_devices_runs(tmp_path):
    run_code_of(ROOT / "docs" / "distributed.md", tmp_path)
