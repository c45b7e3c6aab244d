"""The notebooks run from top to bottom, and are what their .py says, without outputs."""

from pathlib import Path

import jupytext
import nbclient
import pytest

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
SOURCES = sorted(NOTEBOOKS.rglob("*.py"))


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_it_runs(source):
    notebook = jupytext.read(source)
    nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    pictures = [
        output
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    ]
    assert pictures


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_the_pair_is_in_step_and_stripped(source):
    paired = jupytext.read(source.with_suffix(".ipynb"))
    assert [c.source for c in paired.cells] == [c.source for c in jupytext.read(source).cells]
    assert all(not cell.get("outputs") for cell in paired.cells)
    assert all(cell.get("execution_count") is None for cell in paired.cells)
