"""A graph made again from its config."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import jax

from nnlib.core.errors import CorruptFileError
from nnlib.core.layer import Layer
from nnlib.core.object_data import is_object, made, text_of
from nnlib.core.symbol import Symbol
from nnlib.layers.input_layer import InputLayer
from nnlib.models.functional_config import is_graph
from nnlib.models.legacy_config import modern_graph
from nnlib.models.operation_data import layer_from_data

_PLACE = "functional config"


@dataclass(frozen=True)
class Ref:
    """An output of a call of a layer."""

    layer: str
    call: int
    output: int


@dataclass(frozen=True)
class Call:
    """The arguments of a call, with Refs where symbols were."""

    args: list[Any]
    kwargs: dict[str, Any]

    def refs(self) -> Iterator[Ref]:
        """What has to be there before."""
        return filter(_is_ref, jax.tree.leaves((self.args, self.kwargs)))


def graph_from_config(config: Mapping[str, Any]) -> tuple[Any, Any]:
    """`(inputs, outputs)`: symbols, from what `graph_config` or Keras wrote.

    Raises:
        CorruptFileError: for calls that wait for each other, names that are not there, and
            whatever else no graph can be made from.
    """
    return _Reading(modern_graph(config)).ends()


class _Reading:
    """One graph on its way out of a config."""

    def __init__(self, config: Mapping[str, Any]):
        self.config = config
        self.layers: dict[str, Layer] = {}
        self.calls: dict[str, list[Call]] = {}
        self.symbols: dict[tuple[str, int], list[Symbol]] = {}
        for data in _list_of(config, "layers"):
            self.add_layer(data)
        for name, calls in self.calls.items():
            for index in range(len(calls)):
                self.run_to((name, index))

    def add_layer(self, data: Any) -> None:
        if not is_object(data):
            raise _corrupt("each layer to be a dict with 'class_name' and 'config'", data)
        name = text_of(data, "name") if "name" in data else text_of(data["config"], "name")
        if name in self.layers:
            raise _corrupt("layers of different names", name)
        layer = layer_from_data(data)
        if not isinstance(layer, Layer):
            raise _corrupt(f"{name!r} to be a layer", layer)
        if layer.name != name and layer.explicit_name is None:
            layer._core.assigned_name = name
        self.layers[name] = layer
        self.calls[name] = [_call_of(node) for node in _list_of(data, "inbound_nodes")]
        if isinstance(layer, InputLayer):
            self.calls[name] = []
            self.symbols[name, 0] = [layer.symbol]

    def run_to(self, goal: tuple[str, int]) -> None:
        """Make a call, after all that it depends on: a loop, so that graphs may be deep."""
        stack, begun = [goal], set()
        while stack:
            key = stack[-1]
            missing = [need for need in self.needs(key) if need not in self.symbols]
            if key in self.symbols or not missing:
                self.make(stack.pop())
            elif key in begun:
                raise _corrupt("calls that can be put in order", f"a circle at {key[0]!r}")
            else:
                begun.add(key)
                self.check_known(missing)
                stack += missing

    def check_known(self, keys: list[tuple[str, int]]) -> None:
        for name, index in keys:
            if not 0 <= index < len(self.calls.get(name, ())):
                raise _corrupt("calls of layers that are there", f"call {index} of {name!r}")

    def needs(self, key: tuple[str, int]) -> list[tuple[str, int]]:
        """The calls before this one: those it takes outputs of, and the layer's last one."""
        name, index = key
        before = [(name, index - 1)] if index else []
        return before + [(ref.layer, ref.call) for ref in self.calls[name][index].refs()]

    def make(self, key: tuple[str, int]) -> None:
        if key in self.symbols:
            return
        name, index = key
        call = self.calls[name][index]
        args, kwargs = jax.tree.map(self.symbol, (call.args, call.kwargs))
        self.symbols[key] = jax.tree.leaves(self.layers[name](*args, **kwargs))

    def symbol(self, leaf: Any) -> Any:
        """The symbol of a Ref; anything else as it is."""
        if not _is_ref(leaf):
            return leaf
        symbols = self.symbols.get((leaf.layer, leaf.call))
        if symbols is None or not 0 <= leaf.output < len(symbols):
            raise _corrupt("outputs of calls that are there", leaf)
        return symbols[leaf.output]

    def ends(self) -> tuple[Any, Any]:
        return tuple(self.end(self.config[key]) for key in ("input_layers", "output_layers"))

    def end(self, data: Any) -> Any:
        """The symbols of `input_layers` or `output_layers`, in their structure."""
        if isinstance(data, Mapping):
            return {key: self.end(item) for key, item in data.items()}
        if not isinstance(data, list | tuple) or not data:
            raise _corrupt("input_layers and output_layers to name layers", data)
        if not isinstance(data[0], str):
            return self.end(data[0]) if len(data) == 1 else [self.end(item) for item in data]
        ref = ref_of(data)
        # The calls of a graph within are counted from 1 here, and only here.
        return self.symbol(replace(ref, call=ref.call - is_graph(self.layers.get(ref.layer))))


def _call_of(node: Any) -> Call:
    if not isinstance(node, Mapping) or not {"args", "kwargs"} <= node.keys():
        raise _corrupt("each call to be a dict with 'args' and 'kwargs'", node)
    args, kwargs = _argument(node["args"]), _argument(node["kwargs"])
    if not isinstance(args, list | tuple) or not isinstance(kwargs, dict):
        raise _corrupt("'args' to be a list and 'kwargs' a dict", node)
    return Call(list(args), kwargs)


def _argument(data: Any) -> Any:
    if isinstance(data, list | tuple):
        return [_argument(item) for item in data]
    if not isinstance(data, Mapping):
        return data
    if not is_object(data):
        return {key: _argument(value) for key, value in data.items()}
    if data["class_name"] != "__keras_tensor__":
        return made(data)
    history = data["config"].get("keras_history") if isinstance(data["config"], Mapping) else None
    return ref_of(history)


def ref_of(data: Any) -> Ref:
    """`["dense", 0, 0]` as a Ref."""
    kinds = (str, int, int)
    fits = isinstance(data, list | tuple) and len(data) == 3
    if not fits or not all(isinstance(d, k) for d, k in zip(data, kinds, strict=True)):
        raise _corrupt("[name of a layer, number of a call, number of an output]", data)
    return Ref(*data)


def _is_ref(leaf: Any) -> bool:
    return isinstance(leaf, Ref)


def _list_of(data: Mapping[str, Any], key: str) -> list[Any]:
    found = data.get(key, [])
    if not isinstance(found, list | tuple):
        raise _corrupt(f"{key!r} to be a list", found)
    return list(found)


def _corrupt(wanted: str, got: Any) -> CorruptFileError:
    return CorruptFileError(f"{_PLACE}: expected {wanted}, got {got!r:.100}.")
