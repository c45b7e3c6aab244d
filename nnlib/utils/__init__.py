"""Small helpers around data and reproducibility."""

from nnlib.core.random import set_random_seed
from nnlib.utils.categorical import to_categorical
from nnlib.utils.image import array_to_img, img_to_array, load_img, save_img

__all__ = [
    "array_to_img",
    "img_to_array",
    "load_img",
    "save_img",
    "set_random_seed",
    "to_categorical",
]
