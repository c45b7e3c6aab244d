"""Rewrites of the graph: fewer operators before writing, and only ones that TFLite knows."""

from __future__ import annotations

from ..graph import Graph
from .activations import activations
from .driver import RuleSet, apply_rules
from .fusion import activation_fusion, fusion
from .images import images
from .input_folding import input_folding
from .legalise import legalise
from .matmul import matmul
from .mirror import mirror
from .pooling import pooling
from .reshape_sinking import reshape_sinking
from .rows import rows
from .simplify import eliminate_common_subexpressions, simplify, tidy
from .softmax import softmax

_PATTERNS = RuleSet(
    *(simplify, softmax, activations, rows, images, mirror, pooling, matmul),
    *(reshape_sinking, fusion),
)
# After the patterns: a RELU that is fused too early cannot become RELU6 or HARD_SWISH.
_FINAL = RuleSet(simplify, tidy, input_folding, activation_fusion)


def optimise(graph: Graph) -> None:
    """Rewrite until nothing changes: recognise, fold and fuse.

    Args:
        graph: changed in place.
    """
    eliminate_common_subexpressions(graph)
    apply_rules(graph, _PATTERNS)
    eliminate_common_subexpressions(graph)
    apply_rules(graph, _PATTERNS)
    apply_rules(graph, _FINAL)


def legalise_graph(graph: Graph) -> None:
    """Replace intermediate operators, so that only TFLite's are left.

    Args:
        graph: changed in place.
    """
    apply_rules(graph, legalise)
    eliminate_common_subexpressions(graph)


__all__ = ["legalise_graph", "optimise"]
