"""Folding into convolutions and FULLY_CONNECTED: scales, biases, pads, activations."""

from __future__ import annotations

import numpy as np

from ..graph import Graph, Op, Tensor
from ..lowering.window import padding_scheme
from ..symbolic import same_shape
from .driver import RuleSet

fusion = RuleSet()
activation_fusion = RuleSet()

# Axis of the weights that is the output channels.
_OUTPUT_AXIS = {
    "CONV_2D": 0,
    "DEPTHWISE_CONV_2D": 3,
    "FULLY_CONNECTED": 0,
    "transpose_conv": 0,
    "CONV_3D": 4,
    "transpose_conv_3d": 3,
}
_LINEAR = tuple(_OUTPUT_AXIS)


@fusion.on("ADD", "SUB", "MUL", "DIV")
def fold_into_linear(graph: Graph, op: Op) -> bool:
    """Add or multiply by a constant per output channel inside the convolution before it."""
    for position in (0, 1):
        linear = graph.sole_producer(op.operand(position), *_LINEAR)
        channel = None if linear is None else _per_channel(op.operand(1 - position), op, linear)
        if linear is None or channel is None:
            continue
        if op.kind == "DIV" and position == 1:
            continue
        changed = _folded(graph, op, linear, channel, constant_first=position == 1)
        if changed is not None:
            graph.replace(op.out, changed)
            return True
    return False


def _per_channel(constant: Tensor, op: Op, linear: Op) -> np.ndarray | None:
    """The constant as one number per output channel, or None if it is not that."""
    if constant.data is None or not same_shape(linear.out.shape, op.out.shape):
        return None
    weights, activation = linear.operand(1), linear.options["fused_activation_function"]
    if weights.data is None or activation != "NONE" or not _has_constant_bias(linear):
        return None
    units = weights.shape[_OUTPUT_AXIS[linear.kind]]
    data = constant.data
    if data.size == 1:
        return np.full(units, data.reshape(()), np.float32)
    # A longer constant must vary along the last axis only.
    return data.reshape(-1) if data.shape[-1] == data.size == units else None


def _has_constant_bias(linear: Op) -> bool:
    bias = linear.inputs[2]
    return bias is None or bias.data is not None


def _folded(
    graph: Graph, op: Op, linear: Op, channel: np.ndarray, constant_first: bool
) -> Tensor | None:
    weights, bias = linear.operand(1), linear.inputs[2]
    kernel = weights.data
    assert kernel is not None
    old = np.zeros_like(channel) if bias is None or bias.data is None else bias.data
    if op.kind in ("ADD", "SUB"):
        scale = -1.0 if op.kind == "SUB" and constant_first else 1.0
        shift = -channel if op.kind == "SUB" and not constant_first else channel
        new_bias = np.float32(scale) * old + shift
        new_kernel = kernel if scale == 1.0 else -kernel
    else:
        if op.kind == "DIV" and not channel.all():
            return None  # x / 0 is inf or NaN, which 0 * inf in the kernel would not reproduce
        factor = 1.0 / channel if op.kind == "DIV" else channel
        new_bias = old * factor
        shape = [1] * kernel.ndim
        shape[_OUTPUT_AXIS[linear.kind]] = -1
        new_kernel = kernel * factor.reshape(shape)
    if not np.isfinite(new_kernel).all() or not np.isfinite(new_bias).all():
        return None
    if new_kernel is not kernel:
        weights = graph.constant(np.ascontiguousarray(new_kernel, np.float32))
    inputs = [linear.inputs[0], weights, graph.constant(new_bias.astype(np.float32))]
    graph.where = linear.where  # the layer that a user knows the operator by
    return graph.add(linear.kind, inputs, op.out.shape, **linear.options)


@fusion.on("CONV_2D", "DEPTHWISE_CONV_2D")
def fold_pad(graph: Graph, op: Op) -> bool:
    """PAD before a VALID convolution that pads just as SAME would."""
    pad = op.operand(0).producer
    if pad is None or pad.kind != "PAD" or op.options["padding"] != "VALID":
        return False
    amounts = pad.operand(1).data
    assert amounts is not None
    pads = [(int(low), int(high)) for low, high in amounts]
    if pads[0] != (0, 0) or pads[3] != (0, 0):
        return False
    x, options = pad.operand(0), op.options
    strides = (options["stride_h"], options["stride_w"])
    dilations = (options["dilation_h_factor"], options["dilation_w_factor"])
    windows = op.operand(1).shape[1:3]
    if padding_scheme(x.shape[1:3], windows, strides, pads[1:3], dilations) != "SAME":
        return False
    same = {**options, "padding": "SAME"}
    graph.replace(op.out, graph.add(op.kind, [x, *op.inputs[1:]], op.out.shape, **same))
    return True


# Operators whose option table has a fused activation that kernels and XNNPACK honour.
_FUSING = (*_LINEAR, "ADD", "SUB", "MUL", "DIV", "MAX_POOL_2D", "AVERAGE_POOL_2D")


@activation_fusion.on("RELU", "RELU6", "RELU_N1_TO_1")
def fuse_activation(graph: Graph, op: Op) -> bool:
    """Let the operator before clip its own output."""
    before = graph.sole_producer(op.operand(0), *_FUSING)
    if before is None or before.options.get("fused_activation_function", "NONE") != "NONE":
        return False
    if before.out.dtype != np.float32:
        return False
    options = {**before.options, "fused_activation_function": op.kind}
    graph.where = before.where
    graph.replace(op.out, graph.add(before.kind, before.inputs, op.out.shape, **options))
    return True
