"""Which version of an operator a graph op needs, so that older runtimes refuse instead of guessing.

Source: the version notes of the public TensorFlow Lite operator list; float32, int32 and bool only.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .graph import Op


def _conv_2d(op: Op) -> int:
    grouped = op.operand(1).shape[3] != op.operand(0).shape[3]
    return 6 if grouped else 1


def _depthwise(op: Op) -> int:
    dilated = (
        op.options.get("dilation_w_factor", 1) > 1 or op.options.get("dilation_h_factor", 1) > 1
    )
    return 2 if dilated else 1


def _fully_connected(op: Op) -> int:
    if len(op.inputs) < 3 or op.inputs[2] is None:
        return 6
    return 5 if op.options.get("keep_num_dims") else 1


def _wide(version: int) -> Callable[[Op], int]:
    """`version` for tensors of more than four dimensions, 1 below that."""
    return lambda op: version if op.out.rank > 4 else 1


def _gather(op: Op) -> int:
    if op.options.get("batch_dims", 0):
        return 5
    return 3 if op.out.dtype == np.bool_ else 1


_RULES: dict[str, Callable[[Op], int]] = {
    "CONV_2D": _conv_2d,
    "DEPTHWISE_CONV_2D": _depthwise,
    "FULLY_CONNECTED": _fully_connected,
    "GATHER": _gather,
    "BROADCAST_TO": lambda op: 2,
    "RESIZE_BILINEAR": lambda op: 3,
    "RESIZE_NEAREST_NEIGHBOR": lambda op: 3,
    "SUB": _wide(3),
    "DIV": _wide(2),
    "MAXIMUM": _wide(3),
    "MINIMUM": _wide(3),
    "TRANSPOSE": _wide(4),
    "STRIDED_SLICE": _wide(4),
    "SLICE": _wide(5),
    "PAD": _wide(3),
    "PADV2": _wide(3),
    "TRANSPOSE_CONV": lambda op: 3 if op.options["fused_activation_function"] == "NONE" else 4,
    "EQUAL": lambda op: 2 if op.operand(0).dtype == np.bool_ else 1,
    "NOT_EQUAL": lambda op: 2 if op.operand(0).dtype == np.bool_ else 1,
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
