"""What a file is made of: signatures, and the numbers of tensors within each subgraph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .graph import Graph, Tensor


@dataclass(frozen=True)
class Signature:
    """A function of the file: its key, its graph, and the names of what goes in and comes out."""

    key: str
    graph: Graph
    input_names: Sequence[str]
    output_names: Sequence[str]


class Subgraph:
    """A graph with its operators in order and its tensors by number."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.ops = graph.ordered()
        found: dict[Tensor, None] = dict.fromkeys(graph.inputs)
        for op in self.ops:
            found.update(dict.fromkeys(t for t in op.inputs if t is not None))
            found.update(dict.fromkeys(op.outputs))
        found.update(dict.fromkeys(graph.outputs))
        self.tensors = list(found)
        self.index = {tensor: number for number, tensor in enumerate(found)}


def tensor_numbers(graph: Graph) -> dict[Tensor, int]:
    """The number that a file gives to each tensor of its first graph."""
    return Subgraph(graph).index
