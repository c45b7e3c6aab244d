"""Small helpers around data, configs and reproducibility."""

import importlib
from typing import TYPE_CHECKING, Any

from nnlib.core.clear_session import clear_session
from nnlib.core.custom_objects import (
    CustomObjectScope,
    custom_object_scope,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
)
from nnlib.core.plain_data import deserialize_keras_object, serialize_keras_object
from nnlib.core.random import set_random_seed
from nnlib.core.settings import (
    disable_interactive_logging,
    enable_interactive_logging,
    is_interactive_logging_enabled,
)
from nnlib.data.py_dataset import PyDataset
from nnlib.data.py_dataset import PyDataset as Sequence
from nnlib.utils.audio_dataset import audio_dataset_from_directory
from nnlib.utils.batches import pack_x_y_sample_weight, unpack_x_y_sample_weight
from nnlib.utils.categorical import to_categorical
from nnlib.utils.config import Config
from nnlib.utils.dtypes import is_keras_tensor, standardize_dtype
from nnlib.utils.get_file import get_file
from nnlib.utils.image import array_to_img, img_to_array, load_img, save_img
from nnlib.utils.image_dataset import image_dataset_from_directory
from nnlib.utils.model_plot import model_to_dot, plot_model
from nnlib.utils.normalize import normalize
from nnlib.utils.progbar import Progbar
from nnlib.utils.sequence import pad_sequences
from nnlib.utils.split_dataset import split_dataset
from nnlib.utils.text_dataset import text_dataset_from_directory
from nnlib.utils.timeseries import timeseries_dataset_from_array

if TYPE_CHECKING:
    from nnlib.layers.preprocessing.feature_space import FeatureSpace as FeatureSpace

__all__ = [
    "Config",
    "CustomObjectScope",
    "FeatureSpace",
    "Progbar",
    "PyDataset",
    "Sequence",
    "array_to_img",
    "audio_dataset_from_directory",
    "clear_session",
    "custom_object_scope",
    "deserialize_keras_object",
    "disable_interactive_logging",
    "enable_interactive_logging",
    "get_custom_objects",
    "get_file",
    "get_registered_name",
    "get_registered_object",
    "image_dataset_from_directory",
    "img_to_array",
    "is_interactive_logging_enabled",
    "is_keras_tensor",
    "load_img",
    "model_to_dot",
    "normalize",
    "pack_x_y_sample_weight",
    "pad_sequences",
    "plot_model",
    "register_keras_serializable",
    "save_img",
    "serialize_keras_object",
    "set_random_seed",
    "split_dataset",
    "standardize_dtype",
    "text_dataset_from_directory",
    "timeseries_dataset_from_array",
    "to_categorical",
    "unpack_x_y_sample_weight",
]


def __getattr__(name: str) -> Any:
    """FeatureSpace is made of layers, which are imported when it is asked for."""
    if name == "FeatureSpace":
        return importlib.import_module("nnlib.layers.preprocessing.feature_space").FeatureSpace
    raise AttributeError(f"module 'nnlib.utils' has no attribute {name!r}")
