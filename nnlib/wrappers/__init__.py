"""Models as estimators of scikit-learn. Needs it: `pip install 'nnlib[sklearn]'`."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nnlib.wrappers.estimators import SKLearnClassifier as SKLearnClassifier
    from nnlib.wrappers.estimators import SKLearnRegressor as SKLearnRegressor
    from nnlib.wrappers.estimators import SKLearnTransformer as SKLearnTransformer

__all__ = ["SKLearnClassifier", "SKLearnRegressor", "SKLearnTransformer"]


def __getattr__(name: str) -> Any:
    """The classes derive from those of scikit-learn, which is imported when one is asked for."""
    if name not in __all__:
        raise AttributeError(f"module 'nnlib.wrappers' has no attribute {name!r}")
    return getattr(importlib.import_module("nnlib.wrappers.estimators"), name)
