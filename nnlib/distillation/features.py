"""What layers within a model return, along with its outputs."""

from collections.abc import Iterable
from typing import Any

from nnlib.core.errors import NotBuiltError, UnknownNameError
from nnlib.core.frame import current_frame
from nnlib.models.graph import Graph
from nnlib.models.model import Model
from nnlib.models.sequential import Sequential

OUTPUTS = ""
"""The key of the model's own outputs; no layer has this name."""


def require_graph(model: Model, layer_name: str) -> None:
    """Raises NotBuiltError unless the layers of a model are known as a graph."""
    if model._graph is None and not (isinstance(model, Sequential) and model.built):
        raise NotBuiltError(
            f"{model.name} ({type(model).__name__}): expected a functional model, or a Sequential "
            f"with an Input, to look for layer {layer_name!r} in, got one whose graph is not known."
        )


def feature_graph(model: Model, layer_names: Iterable[str | None]) -> Graph | None:
    """A graph that runs a model and returns `{OUTPUTS: ..., layer name: ...}`; None without names.

    Raises:
        UnknownNameError: for a layer whose output the model does not use.
    """
    names = list(dict.fromkeys(name for name in layer_names if name is not None))
    if not names:
        return None
    nodes = Graph(model.input, model.output, model.name).nodes
    found = {OUTPUTS: model.output}
    for name in names:
        layer = model.get_layer(name)
        node = next((node for node in nodes if node.layer is layer), None)
        if node is None:
            raise UnknownNameError(
                f"{model.name}: expected a layer that takes part in the outputs, got {name!r}, an "
                "input or a layer beside them."
            )
        found[name] = node.outputs
    return Graph(model.input, found, model.name)


def run_features(model: Model, graph: Graph | None, x: Any, training: bool) -> dict[str, Any]:
    """What `feature_graph` returns, within a frame; the outputs alone where there is no graph."""
    if graph is None:
        return {OUTPUTS: model(x, training=training)}
    frame = current_frame()
    assert frame is not None
    with frame.training_as(training):
        return graph.run(x)
