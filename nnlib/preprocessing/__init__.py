"""Data before it comes to a model, under the names of Keras."""

from nnlib.preprocessing import image, sequence, text
from nnlib.utils.image_dataset import image_dataset_from_directory
from nnlib.utils.text_dataset import text_dataset_from_directory
from nnlib.utils.timeseries import timeseries_dataset_from_array

__all__ = [
    "image",
    "image_dataset_from_directory",
    "sequence",
    "text",
    "text_dataset_from_directory",
    "timeseries_dataset_from_array",
]
