"""Arrays on fewer bits."""

from collections.abc import Mapping
from typing import Any

from nnlib.core.config_capture import serialize
from nnlib.core.custom_objects import custom_object_scope
from nnlib.core.errors import ArgumentError
from nnlib.quantizers.config import Int8QuantizationConfig, QuantizationConfig
from nnlib.quantizers.functions import (
    abs_max_quantize,
    fake_quant_with_min_max_vars,
    quantize_and_dequantize,
)
from nnlib.quantizers.quantizer import AbsMaxQuantizer, Quantizer, quantizers

__all__ = [
    "AbsMaxQuantizer",
    "Int8QuantizationConfig",
    "QuantizationConfig",
    "Quantizer",
    "abs_max_quantize",
    "deserialize",
    "fake_quant_with_min_max_vars",
    "get",
    "quantize_and_dequantize",
    "serialize",
]


def get(identifier: Any, **kwargs: Any) -> Any:
    """The quantizer of a name, config, class or instance; None for None.

    Args:
        identifier: `"abs_max_quantizer"`, `"AbsMaxQuantizer"`, ...
        kwargs: arguments for a name or a class.

    Raises:
        UnknownNameError: for a name that is not known.
        ArgumentError: for anything else, and for arguments where nothing is made.

    >>> get("abs_max_quantizer", axis=0).axis
    (0,)
    """
    if not kwargs:
        return quantizers.get(identifier)
    kind = quantizers.lookup(identifier) if isinstance(identifier, str) else identifier
    if not isinstance(kind, type):
        raise ArgumentError(
            f"quantizer: expected a name or a class to make with {', '.join(kwargs)}, got "
            f"{identifier!r}."
        )
    return kind(**kwargs)


def deserialize(config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The quantizer that `serialize` wrote; `custom_objects` are further classes by name.

    >>> deserialize(serialize(AbsMaxQuantizer(value_range=(-7, 7)))).value_range
    (-7, 7)
    """
    with custom_object_scope(custom_objects):
        return get(config)
