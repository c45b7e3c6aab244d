"""Which version of an operator a graph op needs, so that older runtimes refuse instead of guessing.

Source: the version notes of the public TensorFlow Lite operator list.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .graph import Op

_INT8, _INT16, _FLOAT = np.dtype(np.int8), np.dtype(np.int16), np.dtype(np.float32)


def _by_width(float32: int, int8: int, int16: int) -> Callable[[Op], int]:
    """A version for each type of the first output."""
    versions = {_INT8: int8, _INT16: int16}
    return lambda op: versions.get(op.out.dtype, float32)


def _is_per_channel(op: Op) -> bool:
    q = op.operand(1).quantisation
    return q is not None and q.scale.size > 1


def _is_hybrid(op: Op) -> bool:
    """Whether an op multiplies float32 by int8 weights."""
    return op.operand(0).dtype == _FLOAT and op.operand(1).dtype == _INT8


def _conv_2d(op: Op) -> int:
    grouped = op.operand(1).shape[3] != op.operand(0).shape[3]
    if grouped:
        return 6
    if _is_hybrid(op):
        return 5 if _is_per_channel(op) else 2
    return _by_width(1, 3, 4)(op)


def _depthwise(op: Op) -> int:
    dilated = (
        op.options.get("dilation_w_factor", 1) > 1 or op.options.get("dilation_h_factor", 1) > 1
    )
    return max(2 if dilated else 1, _by_width(1, 3, 5)(op))


def _fully_connected(op: Op) -> int:
    quantised = op.operand(1).dtype == _INT8
    if quantised and _is_per_channel(op):
        return 12
    if quantised and _is_hybrid(op):
        return 9
    if quantised and op.out.dtype == _INT16:
        return 7
    if len(op.inputs) < 3 or op.inputs[2] is None:
        return 6
    if op.options.get("keep_num_dims"):
        return 5
    return 4 if quantised else 1


def _wide(version: int) -> Callable[[Op], int]:
    """`version` for tensors of more than four dimensions, that of their type below that."""
    return lambda op: max(version if op.out.rank > 4 else 1, _by_width(1, 2, 4)(op))


def _gather(op: Op) -> int:
    if op.options.get("batch_dims", 0):
        return 5
    return 3 if op.out.dtype == np.bool_ else _by_width(1, 2, 4)(op)


def _compare(op: Op) -> int:
    return 2 if op.operand(0).dtype in (_INT8, np.dtype(np.bool_)) else 1


def _dequantise(op: Op) -> int:
    x = op.operand(0)
    if x.quantisation is not None and x.quantisation.scale.size > 1:
        return 5
    return 2 if x.dtype == _INT8 else 3  # 3: int16 and float16


def _transpose_conv(op: Op) -> int:
    if op.options["fused_activation_function"] != "NONE":
        return 4
    return _by_width(3, 3, 4)(op)


_RULES: dict[str, Callable[[Op], int]] = {
    "CONV_2D": _conv_2d,
    "DEPTHWISE_CONV_2D": _depthwise,
    "FULLY_CONNECTED": _fully_connected,
    "GATHER": _gather,
    "BROADCAST_TO": lambda op: 2,
    "RESIZE_BILINEAR": lambda op: 3,
    "RESIZE_NEAREST_NEIGHBOR": lambda op: 3,
    "SUB": lambda op: max(3 if op.out.rank > 4 else 1, _by_width(1, 2, 5)(op)),
    "DIV": _wide(2),
    "MAXIMUM": _wide(3),
    "MINIMUM": _wide(3),
    "TRANSPOSE": _wide(4),
    "STRIDED_SLICE": _wide(4),
    "SLICE": _wide(5),
    "PAD": _wide(3),
    "PADV2": _wide(3),
    "TRANSPOSE_CONV": _transpose_conv,
    "DEQUANTIZE": _dequantise,
    "QUANTIZE": _by_width(1, 1, 2),
    "MUL": _by_width(1, 2, 4),
    "ARG_MAX": lambda op: 2 if op.operand(0).dtype == _INT8 else 1,
    "ARG_MIN": lambda op: 2 if op.operand(0).dtype == _INT8 else 1,
    **dict.fromkeys(
        ("EQUAL", "NOT_EQUAL", "LESS", "LESS_EQUAL", "GREATER", "GREATER_EQUAL"), _compare
    ),
    **dict.fromkeys(
        (
            *("ADD", "SOFTMAX", "LOGISTIC", "TANH", "AVERAGE_POOL_2D", "MAX_POOL_2D"),
            *("CONCATENATION", "MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "BATCH_MATMUL"),
        ),
        _by_width(1, 2, 3),
    ),
    **dict.fromkeys(
        (
            *("RELU", "RELU6", "LEAKY_RELU", "LOG_SOFTMAX", "GELU", "EXP", "RSQRT"),
            *("ABS", "SPLIT", "SPLIT_V", "PACK", "UNPACK", "TOPK_V2", "RESIZE_BILINEAR"),
            *("RESIZE_NEAREST_NEIGHBOR", "BATCH_TO_SPACE_ND", "SPACE_TO_BATCH_ND"),
            *("DEPTH_TO_SPACE", "SPACE_TO_DEPTH", "MIRROR_PAD", "L2_NORMALIZATION"),
        ),
        _by_width(1, 2, 2),
    ),
}


def op_version(op: Op) -> int:
    """The operator version that this op needs.

    Args:
        op: an op of the final graph.

    Returns:
        The number for `OperatorCode.version`.
    """
    rule = _RULES.get(op.kind)
    return rule(op) if rule else 1
