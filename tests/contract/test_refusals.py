"""Bad arguments are refused, each with our error and a text that names the place."""

import importlib
from pathlib import Path

import pytest

from nnlib import errors

FAMILIES = sorted(path.stem for path in Path(__file__).parent.glob("refusals_*.py"))
ROWS = [
    (family, number, row)
    for family in FAMILIES
    for number, row in enumerate(importlib.import_module(f"tests.contract.{family}").REFUSALS)
]


@pytest.mark.parametrize(
    "row", [row for *_, row in ROWS], ids=[f"{family}-{number}" for family, number, _ in ROWS]
)
def test_it_is_refused(row):
    assert issubclass(row.error, errors.NnlibError)
    with pytest.raises(row.error, match=row.match):
        row.attempt()
