"""Where Keras 3 keeps each layer of a model in a weights file.

A layer in an attribute is found under the attribute's name, one in a list or a dict under its class
in snake case, numbered. The layers of a Sequential or a graph stand first, under `layers`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from nnlib.core.layer import Layer
from nnlib.core.naming import snake_case
from nnlib.layers.conv_lstm import ConvLSTM
from nnlib.layers.group_query_attention import GroupQueryAttention
from nnlib.layers.multi_head_attention import MultiHeadAttention
from nnlib.layers.recurrent import Recurrent
from nnlib.layers.rnn import RNN
from nnlib.models.model import Model
from nnlib.models.sequential import Sequential

# The attributes of nnlib's layers that Keras calls otherwise. Keras 2 had an underscore in front.
_RENAMED: dict[type, dict[str, str]] = {
    MultiHeadAttention: {
        "query": "query_dense",
        "key": "key_dense",
        "value": "value_dense",
        "gate": "_gate_dense",
        "attention_output": "output_dense",
    },
    GroupQueryAttention: {
        "query": "_query_dense",
        "key": "_key_dense",
        "value": "_value_dense",
        "attention_output": "_output_dense",
    },
}
_CLASS_NAMES = {GroupQueryAttention: "grouped_query_attention"}
_PRIVATE = frozenset(
    ("_core", "_init_arguments", "_config_names", "_stack", "_symbols", "_graph", "_trainer")
)


@dataclass(frozen=True)
class Place:
    """Where a layer is stored."""

    path: str
    """`layers/dense_1`; empty for the model itself."""
    layer: Layer
    name: str
    """The layer's own name, for whoever reads the file."""
    empty: bool = False
    """Its weights are stored below: Keras has a cell there."""


def places(root: Layer) -> list[Place]:
    """All layers with their paths, in Keras' order; a shared layer has its first path alone."""
    found: list[Place] = []
    seen: set[int] = set()

    def visit(path: str, layer: Layer) -> None:
        if id(layer) in seen:
            return
        seen.add(id(layer))
        has_cell = isinstance(layer, Recurrent) and not isinstance(layer, RNN)
        found.append(Place(path, layer, layer.name, has_cell))
        if has_cell:
            found.append(Place(_joined(path, "cell"), layer, _cell_name(layer)))
        for attribute, value in _attributes(layer):
            for below, child in _layers_in(value, _joined(path, attribute)):
                visit(below, child)

    visit("", root)
    return found


def other_paths(path: str) -> list[str]:
    """Where files of earlier versions of Keras have what is at `path` today."""
    parts = path.split("/")
    underscored = "/".join(
        f"_{part}" if part in _RENAMED[MultiHeadAttention].values() else part for part in parts
    )
    return [underscored, path.replace("layers", "_layer_checkpoint_dependencies")]


def class_name(layer: Any) -> str:
    """What the layers of a class are called in lists."""
    if type(layer) is Model and _has_graph(layer):
        return "functional"
    return _CLASS_NAMES.get(type(layer)) or snake_case(type(layer).__name__)


def _joined(path: str, name: str) -> str:
    return f"{path}/{name}" if path else name


def _cell_name(layer: Layer) -> str:
    kind = "conv_lstm" if isinstance(layer, ConvLSTM) else class_name(layer)
    return f"{kind}_cell"


def _attributes(layer: Layer) -> Iterator[tuple[str, Any]]:
    """What may hold layers, by the names that Keras has, in its order: private ones last."""
    graph = _has_graph(layer)
    if graph or isinstance(layer, Sequential):
        assert isinstance(layer, Model)
        yield "layers", layer.layers
    named = _named_attributes(layer)
    if isinstance(layer, Model) and not graph and not isinstance(layer, Sequential):
        named["layers"] = layer.layers  # a property of Keras' Model
    for name in sorted(named, key=lambda name: f"~{name}" if name.startswith("_") else name):
        yield name, named[name]


def _has_graph(layer: Layer) -> bool:
    return layer.__dict__.get("_graph") is not None


def _named_attributes(layer: Layer) -> dict[str, Any]:
    """Attributes and properties that hold layers or containers."""
    renamed = next((names for kind, names in _RENAMED.items() if isinstance(layer, kind)), {})
    named = {
        renamed.get(name, name): value
        for name, value in vars(layer).items()
        if name not in _PRIVATE
    }
    for kind in type(layer).__mro__:
        if kind.__module__.split(".")[0] != "nnlib" and issubclass(kind, Layer):
            for name, value in vars(kind).items():
                if isinstance(value, property) and name not in named:
                    named[name] = _read(layer, name)
    return {name: value for name, value in named.items() if _may_hold(value)}


def _read(layer: Layer, name: str) -> Any:
    try:
        return getattr(layer, name)
    except Exception:  # properties of users may need a built model; Keras goes on, too
        return None


def _may_hold(value: Any) -> bool:
    return isinstance(value, Layer | list | tuple | dict)


def _layers_in(value: Any, path: str, seen: frozenset[int] = frozenset()) -> Iterator[Any]:
    """(path, layer) of an attribute's layers; those in containers are numbered by class."""
    if isinstance(value, Layer):
        yield path, value
        return
    if id(value) in seen:
        return
    used: dict[str, int] = {}
    for item in value.values() if isinstance(value, dict) else value:
        if not _may_hold(item):
            continue
        name = class_name(item) if isinstance(item, Layer) else "container"
        number = used[name] = used.get(name, -1) + 1
        below = f"{path}/{name}_{number}" if number else f"{path}/{name}"
        yield from _layers_in(item, below, seen | {id(value)})
