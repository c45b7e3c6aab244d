"""The names under which TensorFlow users ask for a quantisation."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .errors import QuantisationError


class Optimize(enum.Enum):
    """What `TFLiteConverter.optimizations` holds; all three quantise alike, as in TensorFlow."""

    DEFAULT = "DEFAULT"
    OPTIMIZE_FOR_SIZE = "OPTIMIZE_FOR_SIZE"
    OPTIMIZE_FOR_LATENCY = "OPTIMIZE_FOR_LATENCY"


class OpsSet(enum.Enum):
    """Operators that a file may consist of, for `TargetSpec.supported_ops`.

    SELECT_TF_OPS allows TensorFlow's own operators besides, which this exporter never needs.
    """

    TFLITE_BUILTINS = "TFLITE_BUILTINS"
    SELECT_TF_OPS = "SELECT_TF_OPS"
    TFLITE_BUILTINS_INT8 = "TFLITE_BUILTINS_INT8"
    EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8 = (
        "EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8"
    )


_INT16X8 = OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8


@dataclass(slots=True)  # a misspelt attribute is an error
class TargetSpec:
    """What the device supports.

    Args:
        supported_ops: sets of operators; with an integer set alone, no operator may stay float.
        supported_types: `[float16]` for float16 weights, `[int8]` for integers.

    Example:
        >>> TargetSpec(supported_types=[np.float16]).supported_ops[0].name
        'TFLITE_BUILTINS'
    """

    supported_ops: Sequence[OpsSet] = (OpsSet.TFLITE_BUILTINS,)
    supported_types: Sequence[Any] = ()


class RepresentativeDataset:
    """A function that yields samples, each a list of arrays or a dict by input name.

    Args:
        input_gen: the function.

    Example:
        >>> list(RepresentativeDataset(lambda: iter([[np.float32(1)]]))())
        [[np.float32(1.0)]]
    """

    def __init__(self, input_gen: Callable[[], Iterable[Any]]) -> None:
        self.input_gen = input_gen

    def __call__(self) -> Iterable[Any]:
        """The samples."""
        return self.input_gen()


def quantisation_mode(
    optimizations: Sequence[Any], spec: TargetSpec, has_data: bool
) -> tuple[str | None, bool]:
    """What a converter's attributes mean together, by TensorFlow's rules.

    Args:
        optimizations: members of `Optimize`.
        spec: the device.
        has_data: whether there is a representative dataset.

    Returns:
        The mode for `export_tflite(quantize=...)`, and whether no operator may stay float.

    Raises:
        QuantisationError: for unknown values, and for combinations that mean nothing.
    """
    listed = not isinstance(optimizations, str | Optimize)
    if not listed or not all(isinstance(one, Optimize) for one in optimizations):
        raise _refused(
            "optimizations",
            "a list of members of Optimize",
            optimizations,
            "Write [Optimize.DEFAULT].",
        )
    ops = list(spec.supported_ops)
    if not ops or ops == [OpsSet.SELECT_TF_OPS] or not all(isinstance(o, OpsSet) for o in ops):
        raise _refused(
            "target_spec.supported_ops", "members of OpsSet", ops, "Add OpsSet.TFLITE_BUILTINS."
        )
    types = {type_name(one) for one in spec.supported_types}
    if not types <= {"float16", "int8", "float32"} or {"float16", "int8"} <= types:
        raise _refused(
            "target_spec.supported_types",
            "float16 or int8",
            spec.supported_types,
            "Leave it out for float32 files.",
        )
    integers = [one for one in ops if one in (OpsSet.TFLITE_BUILTINS_INT8, _INT16X8)]
    if not optimizations:
        if types - {"float32"} or integers:
            raise _refused(
                "optimizations",
                "[Optimize.DEFAULT], since target_spec asks for a quantisation",
                optimizations,
                "Set converter.optimizations = [Optimize.DEFAULT].",
            )
        return None, False
    if "float16" in types:
        return "float16", False
    if not has_data:
        if integers or types:
            raise _refused(
                "representative_dataset",
                "data for full integer quantisation",
                None,
                "Set it to a function that yields lists of arrays.",
            )
        return "dynamic", False
    only = OpsSet.TFLITE_BUILTINS not in ops and bool(integers)
    return ("int16x8" if _INT16X8 in ops else "int8"), only


def type_name(given: Any) -> str:
    """The name of a dtype of numpy, JAX or TensorFlow."""
    name = getattr(given, "name", None)  # TensorFlow's dtypes are no numpy ones
    try:
        return name if isinstance(name, str) else np.dtype(given).name
    except TypeError:
        return repr(given)


def _refused(attribute: str, expected: str, got: Any, remedy: str) -> QuantisationError:
    return QuantisationError(f"TFLiteConverter.{attribute}", expected, repr(got), remedy)
