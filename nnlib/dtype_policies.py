"""In which float types layers keep their weights and compute.

>>> import nnlib as nn
>>> nn.dtype_policies.get("mixed_float16").compute_dtype
'float16'
"""

from collections.abc import Mapping
from typing import Any

from nnlib.core.custom_objects import custom_object_scope
from nnlib.core.dtype_policy_map import DTypePolicyMap
from nnlib.core.dtypes import DTypePolicy, get

__all__ = ["DTypePolicy", "DTypePolicyMap", "deserialize", "get", "serialize"]


def serialize(dtype_policy: DTypePolicy) -> dict[str, Any]:
    """The class and the config of a policy, as plain data.

    >>> serialize(DTypePolicy("mixed_float16"))["config"]
    {'name': 'mixed_float16'}
    """
    return {
        "module": "nnlib.dtype_policies",
        "class_name": type(dtype_policy).__name__,
        "config": dtype_policy.get_config(),
    }


def deserialize(
    config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
) -> DTypePolicy:
    """The policy that `serialize` wrote; `custom_objects` are further classes by name."""
    with custom_object_scope(custom_objects):
        return get(config)
