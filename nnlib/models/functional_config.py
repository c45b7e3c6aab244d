"""The config of a graph: its layers, and for each of them what it was called on."""

from collections.abc import Mapping
from typing import Any

import jax

from nnlib.core.config_capture import serialize
from nnlib.core.layer import Layer
from nnlib.core.naming import unique_names
from nnlib.core.plain_data import data_of
from nnlib.core.symbol import Node, Symbol, is_symbol
from nnlib.layers.input_layer import Input, InputLayer
from nnlib.models.graph import Graph


def graph_config(graph: Graph) -> dict[str, Any]:
    """`{"layers": ..., "input_layers": ..., "output_layers": ...}`, as Keras writes it.

    A layer's entry says by name, number of the call and number of the output what it was called
    on. Inputs from the middle of another model become Inputs of their own.
    """
    return _Writing(graph).config()


def takes_graph(model: Any) -> bool:
    """Whether a model was made from `inputs` and `outputs`: some classes make their own graph."""
    return {"inputs", "outputs"} <= vars(model).get("_init_arguments", {}).keys()


class _Writing:
    """One graph on its way into a config."""

    def __init__(self, graph: Graph):
        self.graph = graph
        self.begins = {symbol: _input_layer(symbol, graph) for symbol in graph.input_leaves}
        own = [layer for layer in graph.layers() if not isinstance(layer, InputLayer)]
        begins = [layer for layer in graph.layers() if isinstance(layer, InputLayer)]
        first = dict.fromkeys([*begins, *self.begins.values()])
        order = graph.layers() if len(first) == len(begins) else [*first, *own]
        self.names = {layer: name for name, layer in unique_names(order, graph.place)}
        self.calls: dict[Layer, list[Node]] = {layer: [] for layer in order}
        within = set(graph.nodes)
        for layer, calls in self.calls.items():
            calls += [node for node in layer.nodes if node in within]

    def config(self) -> dict[str, Any]:
        return {
            "layers": [self.entry(layer, calls) for layer, calls in self.calls.items()],
            "input_layers": _mapped(self.graph.inputs, self.end),
            "output_layers": _mapped(self.graph.outputs, self.end),
        }

    def entry(self, layer: Layer, calls: list[Node]) -> dict[str, Any]:
        """The config of a layer, its name here, and its calls."""
        name = self.names[layer]
        data = with_name(data_of(layer), name)
        nodes = [] if isinstance(layer, InputLayer) else [self.call(node) for node in calls]
        return {**data, "name": name, "inbound_nodes": nodes}

    def call(self, node: Node) -> dict[str, Any]:
        args, kwargs = node.arguments()
        return {"args": self.argument(args), "kwargs": self.argument(kwargs)}

    def argument(self, value: Any) -> Any:
        """An argument of a call as plain data."""
        if is_symbol(value):
            values = {"shape": list(value.shape), "dtype": _dtype_name(value)}
            return {
                "class_name": "__keras_tensor__",
                "config": {**values, "keras_history": self.place(value)},
            }
        if isinstance(value, list | tuple):
            return [self.argument(item) for item in value]
        if isinstance(value, Mapping):
            return {key: self.argument(item) for key, item in value.items()}
        return data_of(serialize(value))

    def place(self, symbol: Symbol) -> list[Any]:
        """`[name of the layer, number of its call, number of the output]`."""
        if symbol in self.begins:
            return [self.names[self.begins[symbol]], 0, 0]
        layer = symbol.node.layer
        return [self.names[layer], self.calls[layer].index(symbol.node), symbol.index]

    def end(self, symbol: Symbol) -> list[Any]:
        """As `place`, for the ends of the graph: there Keras counts calls of graphs from 1."""
        name, call, output = self.place(symbol)
        inside = symbol not in self.begins and is_graph(symbol.node.layer)
        return [name, call + 1, output] if inside else [name, call, output]


def with_name(data: dict[str, Any], name: str) -> dict[str, Any]:
    """The data of a layer that is called `name` in its model."""
    if "name" in data["config"]:
        data["config"]["name"] = name
    return data


def is_graph(layer: Any) -> bool:
    """Whether a layer is a functional model."""
    return getattr(layer, "_graph", None) is not None


def _input_layer(symbol: Symbol, graph: Graph) -> Layer:
    layer = symbol.node.layer
    if isinstance(layer, InputLayer):
        return layer
    name = f"{symbol.name}_input"
    return Input(batch_shape=symbol.shape, dtype=_dtype_name(symbol), name=name).node.layer


def _dtype_name(symbol: Symbol) -> str:
    return "string" if symbol.dtype.kind == "U" else symbol.dtype.name


def _mapped(tree: Any, place: Any) -> Any:
    """A structure of symbols as one of their places; one alone in a list stands by itself."""
    if isinstance(tree, list | tuple) and len(tree) == 1:
        tree = tree[0]
    return _as_lists(jax.tree.map(place, tree))


def _as_lists(tree: Any) -> Any:
    if isinstance(tree, Mapping):
        return {key: _as_lists(value) for key, value in tree.items()}
    return list(map(_as_lists, tree)) if isinstance(tree, list | tuple) else tree
