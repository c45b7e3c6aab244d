"""The rows of all layers: one `cases_*.py` for each family."""

import importlib
from pathlib import Path

from tests.contract.case import Case

FAMILIES = sorted(path.stem for path in Path(__file__).parent.glob("cases_*.py"))
CASES: list[Case] = [
    row for family in FAMILIES for row in importlib.import_module(f"tests.contract.{family}").CASES
]
