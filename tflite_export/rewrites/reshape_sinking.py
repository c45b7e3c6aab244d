"""Moves reshapes behind elementwise operators, so that these reach the convolution before them.

One-dimensional convolutions and pools work on a height of 1 and reshape their result; bias,
BatchNorm and activation come after that reshape, and so would not fuse.
"""

from __future__ import annotations

from ..graph import Graph, Op, Tensor
from ..symbolic import same_dim, same_shape
from .driver import RuleSet

reshape_sinking = RuleSet()

_SOURCES = (
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "FULLY_CONNECTED",
    "transpose_conv",
    "MAX_POOL_2D",
    "AVERAGE_POOL_2D",
    "BATCH_MATMUL",
)
_PASSED = (*_SOURCES, "ADD", "SUB", "MUL", "DIV")


_UNARY = ("RELU", "RELU6", "RELU_N1_TO_1", "ELU", "GELU", "LOGISTIC", "TANH", "LEAKY_RELU")


@reshape_sinking.on(*_UNARY)
def below_unary(graph: Graph, op: Op) -> bool:
    """f(reshape(y)) is reshape(f(y))."""
    source = _reshaped(graph, op.operand(0))
    if source is None:
        return False
    y = graph.add(op.kind, [source], source.shape, op.out.dtype, **op.options)
    graph.replace(op.out, graph.add("RESHAPE", [y], op.out.shape))
    return True


@reshape_sinking.on("ADD", "SUB", "MUL", "DIV")
def below_channel_constant(graph: Graph, op: Op) -> bool:
    """reshape(y) + c is reshape(y + c), if c varies along the last axis only and that one stays."""
    for position in (0, 1):
        before, constant = op.operand(position), op.operand(1 - position)
        source = _reshaped(graph, before)
        if source is None or constant.data is None or not same_shape(before.shape, op.out.shape):
            continue
        size = constant.data.size
        along_channels = size == 1 or constant.data.shape[-1] == size
        if not along_channels or not same_dim(source.shape[-1], before.shape[-1]):
            continue
        flat = graph.constant(constant.data.reshape(-1 if size > 1 else ()))
        inputs = [source, flat] if position == 0 else [flat, source]
        y = graph.add(op.kind, inputs, source.shape, op.out.dtype, **op.options)
        graph.replace(op.out, graph.add("RESHAPE", [y], op.out.shape))
        return True
    return False


@reshape_sinking.on("SOFTMAX", "LOG_SOFTMAX")
def below_rows(graph: Graph, op: Op) -> bool:
    """The same for functions of whole rows, if the reshape keeps these."""
    source = _reshaped(graph, op.operand(0))
    if source is None or not same_dim(source.shape[-1], op.out.shape[-1]):
        return False
    y = graph.add(op.kind, [source], source.shape, op.out.dtype, **op.options)
    graph.replace(op.out, graph.add("RESHAPE", [y], op.out.shape))
    return True


def _reshaped(graph: Graph, tensor: Tensor) -> Tensor | None:
    """What a tensor is a reshape of, if that comes from a convolution and nothing else reads it."""
    reshape = graph.sole_producer(tensor, "RESHAPE")
    if reshape is None:
        return None
    source = reshape.operand(0)
    return source if graph.sole_producer(source, *_PASSED) is not None and source.rank else None
