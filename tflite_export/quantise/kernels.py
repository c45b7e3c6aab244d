"""Which operators have integer kernels, and what these demand of scales.

Measured with ai-edge-litert 2.3 by `tests/tflite_export/test_integer_kernels.py`. An operator that
is not listed stays float between DEQUANTIZE and QUANTIZE. So do some that have a kernel: EXP,
RSQRT and the like, which lose too much in 256 steps, and comparisons, whose int8 kernels abort the
process where a scale is 1 or more.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

import numpy as np

from ..graph import Op, Tensor
from ..quantisation import Quantisation, per_tensor

_FLOAT = np.dtype(np.float32)


class Scales(enum.Enum):
    """Where the parameters of an operator's results come from."""

    OWN = "the range of the result"
    INPUT = "the first value read: elements are moved or chosen, not computed"
    COMMON = "one set for all values read and written"
    FIXED = "the function, whose range is known"
    NONE = "no float result"


@dataclass(frozen=True)
class Kernel:
    """An integer kernel.

    Args:
        scales: what it demands.
        int16: whether it takes int16 values as well.
    """

    scales: Scales
    int16: bool = True


# Position of the values, the weights and the bias among the inputs.
LINEAR = {
    "CONV_2D": (0, 1, 2),
    "DEPTHWISE_CONV_2D": (0, 1, 2),
    "FULLY_CONNECTED": (0, 1, 2),
    "TRANSPOSE_CONV": (2, 1, 3),
}

KERNELS: dict[str, Kernel] = {
    **dict.fromkeys(
        (
            *LINEAR,
            *("ADD", "SUB", "MUL", "MEAN", "BATCH_MATMUL", "LEAKY_RELU"),
            *("RELU", "RELU6", "GELU", "ABS"),
        ),
        Kernel(Scales.OWN),
    ),
    **dict.fromkeys(
        ("PRELU", "HARD_SWISH", "ELU", "RELU_N1_TO_1", "RELU_0_TO_1", "SUM"),
        Kernel(Scales.OWN, int16=False),
    ),
    **dict.fromkeys(
        (
            *("RESHAPE", "SQUEEZE", "TRANSPOSE", "SLICE", "STRIDED_SLICE", "SPLIT", "SPLIT_V"),
            *("UNPACK", "PAD", "MAX_POOL_2D", "AVERAGE_POOL_2D", "TILE", "GATHER"),
            *("REDUCE_MAX", "REDUCE_MIN", "BROADCAST_TO", "REVERSE_V2", "TOPK_V2"),
            *("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR", "MIRROR_PAD"),
        ),
        Kernel(Scales.INPUT),
    ),
    **dict.fromkeys(("DEPTH_TO_SPACE", "SPACE_TO_DEPTH"), Kernel(Scales.INPUT, int16=False)),
    **dict.fromkeys(
        (
            *("CONCATENATION", "PACK", "MAXIMUM", "MINIMUM", "SELECT_V2", "PADV2"),
            "DYNAMIC_UPDATE_SLICE",
        ),
        Kernel(Scales.COMMON),
    ),
    "DYNAMIC_UPDATE_SLICE": Kernel(Scales.COMMON),
    **dict.fromkeys(("SOFTMAX", "LOGISTIC", "TANH"), Kernel(Scales.FIXED)),
    **dict.fromkeys(("LOG_SOFTMAX", "L2_NORMALIZATION"), Kernel(Scales.FIXED, int16=False)),
    **dict.fromkeys(("ARG_MAX", "ARG_MIN"), Kernel(Scales.NONE, int16=False)),
}

# As cheap on floats: in front of float operators these would only lose accuracy on integers.
LIGHT = frozenset(
    (
        *("ADD", "SUB", "MUL", "MAXIMUM", "MINIMUM", "SELECT_V2", "ABS", "LEAKY_RELU", "PRELU"),
        *("RELU", "RELU6", "RELU_N1_TO_1", "RELU_0_TO_1"),
    )
)

_FIXED_INT8 = {
    "SOFTMAX": (1 / 256, -128),
    "LOGISTIC": (1 / 256, -128),
    "TANH": (1 / 128, 0),
    "LOG_SOFTMAX": (16 / 256, 127),
    "L2_NORMALIZATION": (1 / 128, 0),
}


def fixed_quantisation(kind: str, dtype: np.dtype) -> Quantisation:
    """The parameters of the result of an operator whose scales are FIXED."""
    return per_tensor(*_FIXED_INT8[kind]) if dtype == np.int8 else per_tensor(1 / 32768, 0)


def has_kernel(op: Op, dtype: np.dtype) -> bool:
    """Whether an operator can run on integers of `dtype`, given ranges of its values."""
    kernel = KERNELS.get(op.kind)
    if kernel is None or not (kernel.int16 or dtype == np.int8):
        return False
    if op.kind in LINEAR:
        return _has_constant_weights(op)
    return any(is_float(tensor) for tensor in op.inputs)


def _has_constant_weights(op: Op) -> bool:
    _, *others = LINEAR[op.kind]
    tensors = [op.inputs[position] for position in others if position < len(op.inputs)]
    return all(
        tensor is None or (tensor.data is not None and bool(np.isfinite(tensor.data).all()))
        for tensor in tensors
    )


def is_float(tensor: Tensor | None) -> bool:
    """Whether there is a tensor, and it holds float32."""
    return tensor is not None and tensor.dtype == _FLOAT


def values_read(op: Op) -> list[Tensor]:
    """The float inputs of an operator, without weights and bias."""
    if op.kind in LINEAR:
        return [op.operand(LINEAR[op.kind][0])]
    return [tensor for tensor in op.inputs if tensor is not None and is_float(tensor)]
