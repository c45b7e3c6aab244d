"""Rewrites of the graph: fewer operators before writing, and only ones that TFLite knows."""

from __future__ import annotations

from ..graph import Graph
from .activations import activations
from .driver import RuleSet, apply_rules
from .fused_lstm import fuse_lstms
from .fusion import activation_fusion, fusion
from .images import images
from .input_folding import input_folding
from .legalise import legalise
from .matmul import matmul
from .mirror import mirror
from .pooling import pooling
from .reshape_sinking import reshape_sinking
from .rows import rows
from .shared_memory import copy_shared
from .simplify import eliminate_common_subexpressions, simplify, tidy
from .softmax import softmax
from .split_sinking import split_sinking

_PATTERNS = RuleSet(
    *(simplify, softmax, activations, rows, images, mirror, pooling, matmul),
    *(reshape_sinking, split_sinking, fusion),
)
# After the patterns: a RELU that is fused too early cannot become RELU6 or HARD_SWISH.
_FINAL = RuleSet(simplify, tidy, input_folding, activation_fusion)


def optimise(graph: Graph) -> None:
    """Rewrite until nothing changes: recognise, fold and fuse.

    Args:
        graph: changed in place, with the graphs inside its operators.
    """
    for part in graph.all_graphs():
        eliminate_common_subexpressions(part)
        apply_rules(part, _PATTERNS)
        eliminate_common_subexpressions(part)
        apply_rules(part, _PATTERNS)
        apply_rules(part, _FINAL)


def legalise_graph(graph: Graph) -> None:
    """Replace intermediate operators, so that only TFLite's are left.

    Args:
        graph: changed in place, with the graphs inside its operators.
    """
    for part in graph.all_graphs():
        apply_rules(part, legalise)
        eliminate_common_subexpressions(part)
        copy_shared(part)


__all__ = ["fuse_lstms", "legalise_graph", "optimise"]
