"""Models: layers that can be trained."""

import importlib
from typing import Any

from nnlib.models.cloning import clone_model
from nnlib.models.model import Model
from nnlib.models.sequential import Sequential

__all__ = ["Model", "Sequential", "clone_model", "load_model", "model_from_json", "save_model"]


def __getattr__(name: str) -> Any:
    # Models come before saving in the order of imports, so saving is reached by name.
    if name in ("load_model", "model_from_json", "save_model"):
        return getattr(importlib.import_module("nnlib.saving"), name)
    raise AttributeError(f"module 'nnlib.models' has no attribute {name!r}")
