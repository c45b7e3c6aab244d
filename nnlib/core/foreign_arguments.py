"""What configs of Keras 2 and 3 say more than nnlib's classes take: dropped where it says nothing.

Anything else that a class does not know is passed on to it, and refused there by name.
"""

from collections.abc import Mapping
from typing import Any

_UNSAID: Any = (None, False)
# Values that mean what happens anyway.
_SILENT: dict[str, tuple[Any, ...]] = {
    "autocast": (True,),
    "batch_input_shape": (None,),
    "decay": (None, 0),
    "dynamic": (True,),  # of LossScaleOptimizer in Keras 2
    "fused": (None, False, True),  # how, not what, Keras 2 computed
    "groups": (1,),
    "implementation": (0, 1, 2),
    "is_legacy_optimizer": _UNSAID,
    "jit_compile": (None, False, True),
    "optional": _UNSAID,
    "quantization_config": (None,),
    "ragged": _UNSAID,
    "renorm": _UNSAID,
    "renorm_clipping": (None,),
    "renorm_momentum": (None, 0.99),
    "rms_scaling": _UNSAID,
    "sparse": _UNSAID,
    "time_major": _UNSAID,
    "trainable": (True,),
    "virtual_batch_size": (None,),
    "zero_output_for_mask": _UNSAID,
}
# What Keras 2 wrote though the class has no use for it.
_UNUSED = {
    "VocabularyLayer": ("vocabulary_size",),  # of the terms that come beside the config
    "StringLookup": ("oov_method",),
    "TextVectorization": ("oov_method",),
    "Initializer": ("dtype", "partition_info"),
    "SeparableConv1D": ("kernel_initializer", "kernel_regularizer", "kernel_constraint"),
    "SeparableConv2D": ("kernel_initializer", "kernel_regularizer", "kernel_constraint"),
}
_RENAMED = {"lr": "learning_rate", "alpha": "negative_slope", "batch_input_shape": "batch_shape"}


def understood(cls: type, known: list[str], config: Mapping[str, Any]) -> dict[str, Any]:
    """The entries of a config that `cls`, whose arguments are `known`, is to be given."""
    found: dict[str, Any] = {}
    for key, value in config.items():
        if key in known:
            found[key] = value
        elif _RENAMED.get(key) in known:
            found[_RENAMED[key]] = value
        elif not _says_nothing(cls, key, value):
            found[key] = value
    return found


def _says_nothing(cls: type, key: str, value: Any) -> bool:
    if any(key in _UNUSED.get(base.__name__, ()) for base in cls.__mro__):
        return True
    # By identity or type too: 1 == True, and a list is in no tuple of numbers.
    same = (value is silent or (type(value) is type(silent) and value == silent)
            or (isinstance(value, float) and value == silent)
            for silent in _SILENT.get(key, ()))  # fmt: skip
    return any(same)
