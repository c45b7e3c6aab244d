"""Operators that TensorFlow Lite Micro lacks, or computes otherwise, as ones that it has."""

from __future__ import annotations

import numpy as np

from .graph import Graph, Op, Tensor
from .rewrites.driver import RuleSet, apply_rules
from .symbolic import all_static, is_static

micro_forms = RuleSet()

_BOUNDS = {"RELU6": (0.0, 6.0), "RELU_N1_TO_1": (-1.0, 1.0), "RELU_0_TO_1": (0.0, 1.0)}

_BROADCAST_RANK = 5


def rewrite_for_micro(graph: Graph, integers: bool) -> None:
    """Replace what TensorFlow Lite Micro lacks.

    Args:
        graph: a legal graph, changed in place with the graphs inside its operators.
        integers: whether values will be integers.
    """
    for part in graph.all_graphs():
        apply_rules(part, _integer_forms if integers else micro_forms)


@micro_forms.on("RELU_N1_TO_1", "RELU_0_TO_1")
def clipped(graph: Graph, op: Op) -> bool:
    """Clip x as min(max(x, low), high)."""
    low, high = (graph.constant(np.float32(bound)) for bound in _BOUNDS[op.kind])
    y = graph.add("MAXIMUM", [op.operand(0), low], op.out.shape)
    graph.replace(op.out, graph.add("MINIMUM", [y, high], op.out.shape))
    return True


@micro_forms.on("TILE")
def tiled(graph: Graph, op: Op) -> bool:
    """Repeat along axes as a broadcast to axes in between."""
    x, times = op.operand(0), op.operand(1).data
    if times is None or not all_static(x.shape) or x.rank + (times > 1).sum() > _BROADCAST_RANK:
        return False
    split: list[int] = []
    wide: list[int] = []
    for dim, count in zip(x.shape, times.tolist(), strict=True):
        assert is_static(dim)
        split += [1, int(dim)] if count > 1 else [int(dim)]
        wide += [count, int(dim)] if count > 1 else [int(dim)]
    apart = _reshape(graph, x, split)
    inputs: list[Tensor | None] = [apart, graph.ints(wide)]
    graph.replace(
        op.out, _reshape(graph, graph.add("BROADCAST_TO", inputs, wide), list(op.out.shape))
    )
    return True


def _reshape(graph: Graph, x: Tensor, shape: list[int]) -> Tensor:
    return graph.add("RESHAPE", [x, graph.ints(shape)], shape)


# TFLM's RELU6 of integers takes its result to have the scale of what it reads, whatever it says.
_integer_forms = RuleSet(micro_forms)
_integer_forms.on("RELU6")(clipped)
