"""Copies where LiteRT's memory planner would overwrite a value that is still read.

A RESHAPE gives its input another shape in place, and arithmetic may write its result over an
operand that nothing else reads. The planner counts the readers of that operand and of the tensor
whose memory it is, but not of those between: in `t = a + b; y = reshape(t); z = y - 1; t * z` it
takes y for unread after z, and so overwrites t. Floats go to XNNPACK, which has memory of its own.
"""

from __future__ import annotations

import numpy as np

from ..graph import Graph, Op

_ALIASES = ("RESHAPE", "SQUEEZE", "BITCAST")
_IN_PLACE = (
    *("ADD", "SUB", "MUL", "DIV", "FLOOR_DIV", "FLOOR_MOD", "MAXIMUM", "MINIMUM", "SELECT_V2"),
    *("NEG", "ABS", "SQUARE", "SIGN", "BITWISE_XOR", "RIGHT_SHIFT", "LOGICAL_AND", "LOGICAL_OR"),
    *("LOGICAL_NOT", "CAST", "DYNAMIC_UPDATE_SLICE", *_ALIASES),
)


def copy_shared(graph: Graph) -> None:
    """Let a reshape that could be overwritten read a copy.

    Args:
        graph: a legal graph, changed in place.
    """
    for op in graph.ordered():
        if op.kind in _ALIASES and _is_overwritten(graph, op):
            x = op.operand(0)
            whole = [graph.ints([value] * x.rank) for value in (0, -1)]
            graph.set_input(op, 0, graph.add("SLICE", [x, *whole], x.shape))


def _is_overwritten(graph: Graph, op: Op) -> bool:
    """Whether others read the input, which shares memory itself, and the output is written over."""
    x = op.operand(0)
    if x.dtype == np.float32 or x.rank == 0 or graph.uses(x) < 2:
        return False
    shares = x.producer is not None and x.producer.kind in _IN_PLACE
    return shares and any(reader.kind in _IN_PLACE for reader in op.out.consumers)
