"""Configs that Keras 2 and tf.keras wrote, as Keras 3 writes them. Newer ones stay as they are."""

from collections.abc import Iterator, Mapping
from typing import Any

from nnlib.core.errors import CorruptFileError
from nnlib.core.object_data import is_object
from nnlib.models.legacy_nodes import is_place, modern_call, places_in
from nnlib.models.legacy_operations import OPERATION_LAYERS, operation_entry

_MODELS = ("Functional", "Model", "Sequential")


def modern_layer(entry: Any) -> Any:
    """The data of a layer; what is no layer is left for the reader to refuse."""
    if not is_object(entry) or "module" in entry:
        return entry
    kind, config = entry["class_name"], entry["config"]
    module = "keras.models" if kind in _MODELS else "keras.layers"
    if kind == "ThresholdedReLU" and isinstance(config, Mapping):
        kind = "ReLU"
        theta = config.get("theta", 1.0)
        config = {key: value for key, value in config.items() if key != "theta"}
        config["threshold"] = theta
    axis = config.get("axis") if isinstance(config, Mapping) else None
    if isinstance(axis, list) and len(axis) == 1:
        config = {**config, "axis": axis[0]}
    return {**entry, "module": module, "class_name": kind, "config": config}


def modern_stack(config: Any) -> Mapping[str, Any]:
    """The config of a Sequential model; the oldest ones are lists of layers."""
    if isinstance(config, list):
        config = {"layers": config}
    if not isinstance(config, Mapping) or not isinstance(config.get("layers"), list | tuple):
        raise CorruptFileError(
            f"Sequential config: expected a dict with a list of 'layers', got {config!r:.80}."
        )
    return {**config, "layers": [modern_layer(entry) for entry in config["layers"]]}


def modern_graph(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The config of a functional model."""
    entries = config.get("layers")
    if not isinstance(entries, list) or not all(map(is_object, entries)):
        return config
    if not any(map(_has_old_calls, entries)):
        return {**config, "layers": [modern_layer(entry) for entry in entries]}
    graph = _OldGraph(config, entries)
    return {**config, **graph.ends(), "layers": [graph.entry(entry) for entry in entries]}


def _has_old_calls(entry: Mapping[str, Any]) -> bool:
    calls = entry.get("inbound_nodes")
    return isinstance(calls, list) and any(isinstance(call, list) for call in calls)


class _OldGraph:
    """A graph whose calls are nested lists of places."""

    def __init__(self, config: Mapping[str, Any], entries: list[Any]):
        self.config, self.entries = config, {entry.get("name"): entry for entry in entries}
        highest: dict[str, int] = {}
        for name, call in self._places():
            highest[name] = max(call, highest.get(name, 0))
        # The calls of models within are counted from 1: the first is the one they are made with.
        self.first = {
            name: int(_is_model(entry) and highest.get(name, 0) >= len(entry["inbound_nodes"]))
            for name, entry in self.entries.items()
            if isinstance(entry.get("inbound_nodes"), list)
        }

    def _places(self) -> Iterator[tuple[str, int]]:
        nodes = [entry.get("inbound_nodes") for entry in self.entries.values()]
        ends = [self.config.get(key) for key in ("input_layers", "output_layers")]
        return places_in([*nodes, *ends], self.entries)

    def entry(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        """A layer with its calls."""
        calls = entry.get("inbound_nodes")
        if not isinstance(calls, list) or not all(isinstance(call, list | dict) for call in calls):
            return dict(entry)  # the reader says what is wrong
        if entry["class_name"] in OPERATION_LAYERS:
            return operation_entry(entry, self.place, self.entries)
        calls = [modern_call(call, entry["class_name"], self.place, self.entries) for call in calls]
        return {**modern_layer(entry), "inbound_nodes": calls}

    def place(self, data: Any) -> list[Any]:
        """A place with calls counted from 0."""
        name, call, output = data[:3]
        return [name, call - self.first.get(name, 0), output]

    def ends(self) -> dict[str, Any]:
        return {
            key: self._end(self.config[key])
            for key in ("input_layers", "output_layers")
            if key in self.config
        }

    def _end(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            return {key: self._end(item) for key, item in data.items()}
        if not is_place(data, self.entries):
            return list(map(self._end, data)) if isinstance(data, list) else data
        name, call, output = self.place(data)
        # Here Keras 3 counts the calls of graphs from 1.
        config = self.entries[name]["config"]
        graph = isinstance(config, Mapping) and "input_layers" in config
        return [name, call + 1, output] if graph else [name, call, output]


def _is_model(entry: Mapping[str, Any]) -> bool:
    config = entry["config"]
    inside = isinstance(config, Mapping) and isinstance(config.get("layers"), list)
    return inside or entry["class_name"] in _MODELS
