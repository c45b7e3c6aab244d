"""Datasets behind tf.data's names, on numpy; Grain's datasets can be read and written."""

from nnlib.data import experimental
from nnlib.data.constants import AUTOTUNE, INFINITE_CARDINALITY, UNKNOWN_CARDINALITY
from nnlib.data.dataset import Dataset
from nnlib.data.options import Options
from nnlib.data.py_dataset import PyDataset, PyDatasetFeed
from nnlib.data.spec import TensorSpec

__all__ = [
    "AUTOTUNE",
    "INFINITE_CARDINALITY",
    "UNKNOWN_CARDINALITY",
    "Dataset",
    "Options",
    "PyDataset",
    "PyDatasetFeed",
    "TensorSpec",
    "experimental",
]
