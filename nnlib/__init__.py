"""nnlib: neural networks on JAX. Pure functions over arrays, behind the names Keras users know.

>>> import nnlib as nn
>>> model = nn.Sequential([nn.Input((4,)), nn.layers.Dense(2)])
>>> model.count_params()
10
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_MODULES = (
    "activations",
    "applications",
    "backend",
    "callbacks",
    "config",
    "constraints",
    "data",
    "datasets",
    "distillation",
    "distributed",
    "dtype_policies",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "models",
    "ops",
    "optimizers",
    "preprocessing",
    "quantizers",
    "random",
    "regularizers",
    "saving",
    "tflite_export",
    "training",
    "utils",
    "visualization",
    "wrappers",
)
_NAMES = {
    "Input": "nnlib.layers",
    "Layer": "nnlib.layers",
    "InputSpec": "nnlib.layers",
    "Model": "nnlib.models",
    "Sequential": "nnlib.models",
    "errors": "nnlib.core.errors",
}

__all__ = [*_MODULES, *_NAMES, "__version__"]  # noqa: PLE0604

if TYPE_CHECKING:
    from nnlib import activations as activations
    from nnlib import applications as applications
    from nnlib import backend as backend
    from nnlib import callbacks as callbacks
    from nnlib import config as config
    from nnlib import constraints as constraints
    from nnlib import data as data
    from nnlib import datasets as datasets
    from nnlib import distillation as distillation
    from nnlib import dtype_policies as dtype_policies
    from nnlib import initializers as initializers
    from nnlib import layers as layers
    from nnlib import losses as losses
    from nnlib import metrics as metrics
    from nnlib import models as models
    from nnlib import ops as ops
    from nnlib import optimizers as optimizers
    from nnlib import preprocessing as preprocessing
    from nnlib import quantizers as quantizers
    from nnlib import random as random
    from nnlib import regularizers as regularizers
    from nnlib import saving as saving
    from nnlib import training as training
    from nnlib import utils as utils
    from nnlib import visualization as visualization
    from nnlib import wrappers as wrappers
    from nnlib.core import errors as errors
    from nnlib.layers import Input as Input
    from nnlib.layers import InputSpec as InputSpec
    from nnlib.layers import Layer as Layer
    from nnlib.models import Model as Model
    from nnlib.models import Sequential as Sequential


def __getattr__(name: str) -> Any:
    """Import on first use (PEP 562), so that `import nnlib` costs no more than Python itself."""
    if name in _MODULES:
        value: Any = importlib.import_module(f"nnlib.{name}")
    elif name == "errors":
        value = importlib.import_module("nnlib.core.errors")
    elif name in _NAMES:
        value = getattr(importlib.import_module(_NAMES[name]), name)
    else:
        raise AttributeError(f"module 'nnlib' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
