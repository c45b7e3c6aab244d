"""The graph behind a functional model: which calls lead from its inputs to its outputs."""

import warnings
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from nnlib.core.errors import DTypeError, NotBuiltError, ShapeError
from nnlib.core.host import is_string
from nnlib.core.layer import Layer
from nnlib.core.masks import same_mask
from nnlib.core.specs import concrete_dims, is_arraylike
from nnlib.core.symbol import Node, Symbol, is_symbol
from nnlib.layers.input_layer import InputLayer
from nnlib.models.host_front import HostFront


class Graph:
    """Nodes in the order they run, from the symbols `inputs` to the symbols `outputs`.

    Args:
        inputs: a Symbol, or a list or dict of them; symbols from the middle of another model too.
        outputs: likewise.
        place: the model's name, for errors.

    Raises:
        NotBuiltError: if an output depends on an Input that is not among `inputs`.
    """

    def __init__(self, inputs: Any, outputs: Any, place: str):
        self.inputs, self.outputs, self.place = inputs, outputs, place
        self.input_leaves = _symbols(inputs, "inputs", place)
        self.output_leaves = _symbols(outputs, "outputs", place)
        self.nodes = self._nodes_in_order()
        self.front: HostFront | None = None
        if any(map(is_string, self.input_leaves)):
            self.front = HostFront(self.nodes, self.input_leaves, self.output_leaves, place)

    def _nodes_in_order(self) -> list[Node]:
        """Depth first from the outputs; a node stands behind all that it needs."""
        given = set(self.input_leaves)
        order: dict[Node, None] = {}
        stack = [(symbol, False) for symbol in reversed(self.output_leaves)]
        while stack:  # a loop, not a recursion: networks of a thousand layers exist
            symbol, ready = stack.pop()
            if symbol in given or symbol.node in order:
                continue
            if ready:
                order[symbol.node] = None
                continue
            if isinstance(symbol.node.layer, InputLayer):
                raise NotBuiltError(
                    f"{self.place}: expected outputs that follow from the inputs, got one that "
                    f"depends on {symbol!r}, which is not among them. Add it to inputs=."
                )
            stack.append((symbol, True))
            stack += [(needed, False) for needed in reversed(symbol.node.inputs)]
        return list(order)

    @property
    def input_names(self) -> list[str]:
        """The names of the input layers, in order."""
        return [symbol.name for symbol in self.input_leaves]

    @property
    def output_names(self) -> list[str]:
        """The names of the layers that make the outputs, in order."""
        return [symbol.name for symbol in self.output_leaves]

    def layers(self) -> list[Layer]:
        """All layers, by their distance from the outputs as Keras orders them, inputs first.

        The order of `get_weights()` depends on it.
        """
        depths: dict[int, int] = {}
        layer_depths: dict[Layer, int] = {}
        for node in reversed(self.nodes):
            depth = max(depths.get(id(node), 0), layer_depths.get(node.layer, 0))
            depths[id(node)] = layer_depths[node.layer] = depth
            for needed in node.inputs:
                depths[id(needed.node)] = max(depth + 1, depths.get(id(needed.node), 0))
        for symbol in self.input_leaves:
            if isinstance(symbol.node.layer, InputLayer):
                layer_depths[symbol.node.layer] = depths.get(id(symbol.node), 0)
        seen = {layer: index for index, layer in enumerate(self._layers_as_met())}
        return sorted(layer_depths, key=lambda layer: (-layer_depths[layer], seen[layer]))

    def _layers_as_met(self) -> Iterator[Layer]:
        """Every layer in the order in which a depth-first walk from the outputs meets it."""
        given = set(self.input_leaves)
        met: dict[Layer, None] = {}
        walked: set[Node] = set()
        stack = list(reversed(self.output_leaves))
        while stack:
            symbol = stack.pop()
            if symbol.node in walked:
                continue
            walked.add(symbol.node)
            met.setdefault(symbol.node.layer)
            if symbol not in given:
                stack += reversed(symbol.node.inputs)
        for symbol in self.input_leaves:
            met.setdefault(symbol.node.layer)
        return iter(met)

    def run(self, inputs: Any) -> Any:
        """The outputs for arrays in the structure of `inputs`, or in a dict by input name.

        What `run_on_host` returned goes on from there.
        """
        if self.front is not None and self.front.is_done(inputs):
            nodes = self.front.rest
            values = {symbol: inputs[name] for name, symbol in self.front.begins.items()}
        else:
            nodes = self.nodes
            values = dict(zip(self.input_leaves, self.match_inputs(inputs), strict=True))
        for node in nodes:
            out = node.run([values[symbol] for symbol in node.inputs])
            values.update(zip(node.symbols, out, strict=True))
        return jax.tree.map(values.__getitem__, self.outputs)

    def run_on_host(self, inputs: Any) -> Any:
        """Inputs with strings among them, as `run` takes them inside compiled code."""
        if self.front is None or self.front.is_done(inputs):
            return inputs
        return self.front.run(dict(zip(self.input_leaves, self.match_inputs(inputs), strict=True)))

    def match_inputs(self, inputs: Any) -> list[Any]:
        """The input arrays in order, in the dtype and rank that the symbols have."""
        leaves = self._leaves_of(inputs)
        if len(leaves) != len(self.input_leaves):
            raise ShapeError(
                f"{self.place}: expected {len(self.input_leaves)} inputs "
                f"({', '.join(self.input_names)}), got {len(leaves)}."
            )
        return [
            fit_input(leaf, symbol, self.place)
            for leaf, symbol in zip(leaves, self.input_leaves, strict=True)
        ]

    def _leaves_of(self, inputs: Any) -> list[Any]:
        if not isinstance(inputs, dict):
            self._refuse_order(inputs)
            return jax.tree.leaves(inputs)
        if isinstance(self.inputs, dict):
            names = [*self.inputs]
            order = [*sorted(names)]  # pytrees visit dicts by sorted key
        else:
            names = order = self.input_names
        if missing := set(names) - set(inputs):
            raise ShapeError(
                f"{self.place}: expected a dict with the inputs {', '.join(names)}, got one "
                f"without {', '.join(sorted(missing))} (it has {', '.join(map(str, inputs))})."
            )
        if unused := set(inputs) - set(names):
            warnings.warn(
                f"{self.place}: the model has no inputs {', '.join(sorted(map(str, unused)))}, "
                f"which are left out. It takes {', '.join(names)}.",
                stacklevel=2,
            )
        chosen = [inputs[name] for name in order]
        flat = not isinstance(self.inputs, dict) or all(map(is_symbol, self.inputs.values()))
        return chosen if flat else jax.tree.leaves(chosen)

    def _refuse_order(self, inputs: Any) -> None:
        """A list says nothing about which array is which input of a dict."""
        if isinstance(self.inputs, dict) and isinstance(inputs, list | tuple) and len(inputs) > 1:
            raise ShapeError(
                f"{self.place}: expected a dict with the inputs {', '.join(self.inputs)}, got a "
                f"{type(inputs).__name__} of {len(inputs)}. Pass them by name."
            )


def fit_input(leaf: Any, symbol: Symbol, place: str) -> Any:
    """An input array in the dtype and the rank of its symbol.

    As in Keras a trailing axis of 1 is added or removed where that makes it fit.

    Raises:
        ShapeError: if the shape does not fit.
        DTypeError: for strings where numbers are expected, and the other way round.
    """
    given = leaf = leaf if is_arraylike(leaf) else jnp.asarray(leaf)
    if is_string(leaf) != is_string(symbol):
        kinds = ("strings", "numbers") if is_string(symbol) else ("numbers", "strings")
        raise DTypeError(
            f"{place}: expected input {symbol.name!r} to hold {kinds[0]}, got {kinds[1]}."
        )
    library: Any = np if is_string(leaf) else jnp
    shape, want = concrete_dims(leaf.shape), symbol.shape
    if len(shape) == len(want) - 1 and want[-1] == 1:
        leaf = library.expand_dims(leaf, -1)
    elif len(shape) == len(want) + 1 and shape[-1] == 1:
        leaf = library.squeeze(leaf, -1)
    fitted = concrete_dims(leaf.shape)
    pairs = zip(fitted, want, strict=False)
    if len(fitted) != len(want) or any(None not in pair and pair[0] != pair[1] for pair in pairs):
        raise ShapeError(f"{place}: expected input {symbol.name!r} of shape {want}, got {shape}.")
    if leaf.dtype != symbol.dtype and not is_string(leaf):
        leaf = jnp.asarray(leaf, symbol.dtype)
    return same_mask(leaf, given)


def _symbols(tree: Any, what: str, place: str) -> list[Symbol]:
    leaves = jax.tree.leaves(tree)
    for leaf in leaves:
        if not is_symbol(leaf):
            raise NotBuiltError(
                f"{place}: expected {what}= to be made from Input() by calling layers on it, "
                f"got {type(leaf).__name__}. Begin with x = nnlib.Input(shape)."
            )
    if not leaves:
        raise NotBuiltError(f"{place}: expected at least one symbol as {what}=, got none.")
    return leaves
