"""Folding what comes before matrix products into their weights: scales and shifts of the input."""

from __future__ import annotations

import numpy as np

from ..graph import Graph, Op, Tensor
from ..symbolic import same_shape
from .driver import RuleSet
from .pattern import uniform_value

input_folding = RuleSet()

# W x + W b rounds at the size of b, (x + b) at that of the sum, which may be much smaller.
_LARGEST_SHIFT = 16.0


@input_folding.on("FULLY_CONNECTED")
def fold_input(graph: Graph, op: Op) -> bool:
    """W (x * a + b) is (W a) x + W b: what a layer normalisation learns ends up in the weights.

    Only where every reader of the scaled input can do the same, so that an operator goes.
    """
    before = op.operand(0).producer
    if before is None or before.kind not in ("MUL", "ADD", "SUB"):
        return False
    if not _same_for_all_readers(graph, before) or before.out.dtype != np.float32:
        return False
    if before.options.get("fused_activation_function", "NONE") != "NONE":
        return False
    found = _with_channel_constant(before)
    if found is None:
        return False
    x, channel = found
    weights, bias = op.operand(1).data, op.inputs[2]
    assert weights is not None
    kernel = weights.astype(np.float64)
    old = 0.0 if bias is None or bias.data is None else bias.data.astype(np.float64)
    if before.kind != "MUL" and np.abs(channel).max(initial=0.0) > _LARGEST_SHIFT:
        return False
    if before.kind == "MUL":
        new_weights, new_bias = kernel * channel, old
    else:
        new_weights, new_bias = (
            kernel,
            old + kernel @ (channel if before.kind == "ADD" else -channel),
        )
    if not np.isfinite(new_weights).all() or not np.isfinite(new_bias).all():
        return False
    inputs = [x, op.operand(1), bias]
    if before.kind == "MUL":
        inputs[1] = graph.constant(new_weights.astype(np.float32))
    else:
        inputs[2] = graph.constant(np.asarray(new_bias, np.float32))
    graph.replace(op.out, graph.add(op.kind, inputs, op.out.shape, **op.options))
    return True


def _same_for_all_readers(graph: Graph, op: Op) -> bool:
    readers = op.out.consumers
    return graph.uses(op.out) == len(readers) and all(
        reader.kind == "FULLY_CONNECTED"
        and reader.operand(0) is op.out
        and reader.operand(1).data is not None
        and graph.uses(reader.operand(1)) == 1  # shared weights would be stored twice
        and (reader.inputs[2] is None or reader.inputs[2].data is not None)
        for reader in readers
    )


def _with_channel_constant(op: Op) -> tuple[Tensor, np.ndarray] | None:
    """The variable operand, and the constant one as a number per channel of the last axis."""
    for position in (0, 1) if op.kind != "SUB" else (0,):
        x, constant = op.operand(position), op.operand(1 - position)
        data = constant.data
        if data is None or x.data is not None or not same_shape(x.shape, op.out.shape):
            continue
        units = op.out.shape[-1]
        if data.size == 1:
            return x, np.full(units, data.reshape(()), np.float64)
        if data.shape[-1] == data.size == units:
            return x, data.reshape(-1).astype(np.float64)
    return None


@input_folding.on("MUL", "DIV")
def scale_query(graph: Graph, op: Op) -> bool:
    """Scaled scores (q k) * s are (q s) k, where q comes from a product with constant weights."""
    scores = graph.sole_producer(op.operand(0), "BATCH_MATMUL")
    scale = uniform_value(op.operand(1))
    if scale is None or not scale or scores is None or op.options.get("fused_activation_function"):
        return False
    factor = scale if op.kind == "MUL" else 1.0 / scale
    path: list[Op] = []
    tensor: Tensor | None = scores.operand(0)
    while (step := graph.sole_producer(tensor, "RESHAPE", "TRANSPOSE")) is not None:
        path.append(step)
        tensor = step.operand(0)
    linear = graph.sole_producer(tensor, "FULLY_CONNECTED")
    if linear is None or linear.options["fused_activation_function"] != "NONE":
        return False
    weights, bias = linear.operand(1), linear.inputs[2]
    if weights.data is None or graph.uses(weights) > 1 or (bias is not None and bias.data is None):
        return False
    inputs = [linear.operand(0), graph.constant(np.float32(factor) * weights.data), None]
    if bias is not None and bias.data is not None:
        inputs[2] = graph.constant(np.float32(factor) * bias.data)
    y = graph.add("FULLY_CONNECTED", inputs, linear.out.shape, **linear.options)
    for step in reversed(path):
        y = graph.add(step.kind, [y, *step.inputs[1:]], step.out.shape, **step.options)
    operands = [y, scores.operand(1)]
    graph.replace(op.out, graph.add(scores.kind, operands, op.out.shape, **scores.options))
    return True
