"""A second graph of the same operators, to change while the first stays as it is."""

from __future__ import annotations

from ..graph import Graph, Tensor


def copy_graph(graph: Graph) -> tuple[Graph, dict[Tensor, Tensor]]:
    """Copy a legal graph, with the graphs inside its operators; constants share their arrays.

    Args:
        graph: what to copy.

    Returns:
        The copy, and its tensor for each tensor of `graph`.
    """
    copy = Graph()
    twins: dict[Tensor, Tensor] = {}

    def twin(tensor: Tensor) -> Tensor:
        if tensor not in twins:
            twins[tensor] = Tensor(
                tensor.shape,
                tensor.dtype,
                tensor.data,
                name=tensor.name,
                variable=tensor.variable,
                quantisation=tensor.quantisation,
                origin=tensor.origin,
            )
        return twins[tensor]

    copy.inputs = [twin(tensor) for tensor in graph.inputs]
    for op in graph.ordered():
        copy.where = op.where
        inputs = [None if tensor is None else twin(tensor) for tensor in op.inputs]
        inner = tuple(copy_graph(part)[0] for part in op.graphs)
        copy.add_many(op.kind, inputs, [twin(t) for t in op.outputs], inner, **op.options)
    copy.outputs = [twin(tensor) for tensor in graph.outputs]
    copy.touched.clear()
    return copy, twins
