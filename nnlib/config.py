"""Process-wide settings, under the names of `keras.config`.

>>> import nnlib as nn
>>> nn.config.floatx(), nn.config.image_data_format()
('float32', 'channels_last')
"""

from nnlib.core.dtypes import dtype_policy, set_dtype_policy
from nnlib.core.settings import (
    disable_interactive_logging,
    enable_interactive_logging,
    enable_unsafe_deserialization,
    epsilon,
    floatx,
    image_data_format,
    is_interactive_logging_enabled,
    max_epochs,
    max_steps_per_epoch,
    set_epsilon,
    set_floatx,
    set_image_data_format,
    set_max_epochs,
    set_max_steps_per_epoch,
)

__all__ = [
    "disable_interactive_logging",
    "dtype_policy",
    "enable_interactive_logging",
    "enable_unsafe_deserialization",
    "epsilon",
    "floatx",
    "image_data_format",
    "is_interactive_logging_enabled",
    "max_epochs",
    "max_steps_per_epoch",
    "set_dtype_policy",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
    "set_max_epochs",
    "set_max_steps_per_epoch",
]
