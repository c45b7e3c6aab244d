"""Small helpers around data and reproducibility."""

from nnlib.core.random import set_random_seed
from nnlib.utils.categorical import to_categorical

__all__ = ["set_random_seed", "to_categorical"]
