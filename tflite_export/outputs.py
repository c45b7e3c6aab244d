"""Gives every output of a graph a tensor of its own, as runtimes expect."""

from __future__ import annotations

from .graph import Graph, Tensor


def separate_outputs(graph: Graph) -> None:
    """Copy outputs that are inputs, constants, or tensors that were an output before.

    The body of a WHILE may return an input in its place, which costs nothing; in another place it
    might be overwritten before it is read.

    Args:
        graph: changed in place, with the graphs inside its operators.
    """
    parts = graph.all_graphs()
    loops = [op for part in parts for op in part.ordered() if op.kind == "WHILE"]
    bodies = {loop.graphs[1] for loop in loops}
    for part in parts:
        part.outputs = _separate(part, part.inputs if part in bodies else [])


def _separate(graph: Graph, stay: list[Tensor]) -> list[Tensor]:
    taken: set[Tensor] = set()
    outputs = []
    for number, tensor in enumerate(graph.outputs):
        stays = number < len(stay) and stay[number] is tensor
        shared = not stays and (tensor.producer is None or tensor in taken)
        output = graph.add("RESHAPE", [tensor], tensor.shape) if shared else tensor
        taken.add(output)
        outputs.append(output)
    return outputs
