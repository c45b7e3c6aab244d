"""The settings that Keras users also find in `keras.backend`; see `nnlib.config`."""

from nnlib.core.clear_session import clear_session
from nnlib.core.settings import (
    epsilon,
    floatx,
    image_data_format,
    set_epsilon,
    set_floatx,
    set_image_data_format,
)

__all__ = [
    "clear_session",
    "epsilon",
    "floatx",
    "image_data_format",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
]
