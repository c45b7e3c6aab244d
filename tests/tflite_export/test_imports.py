"""The package imports only what it may."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import sys
from pathlib import Path

import nnlib.tflite_export
import pytest

MODULES = [
    info.name
    for info in pkgutil.walk_packages(nnlib.tflite_export.__path__, "nnlib.tflite_export.")
]
ALLOWED = {"jax", "numpy", "flatbuffers", *sys.stdlib_module_names}


@pytest.mark.parametrize("name", MODULES)
def test_imports(name: str) -> None:
    """Only core dependencies, and nothing private or experimental of JAX."""
    file = importlib.import_module(name).__file__
    assert file is not None
    for node in ast.walk(ast.parse(Path(file).read_text())):
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found = [node.module or ""]
        else:
            continue
        for module in found:
            assert module.split(".")[0] in ALLOWED, module
            assert not module.startswith(("jax._src", "jax.experimental")), module
