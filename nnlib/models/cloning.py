"""clone_model: the same network again, with new layers and new weights."""

import copy
import dataclasses
from collections.abc import Callable
from typing import Any

import jax

from nnlib.core.arguments import accepted_by_init
from nnlib.core.config_capture import Configurable
from nnlib.core.errors import ArgumentError
from nnlib.core.host import is_string
from nnlib.core.layer import Layer
from nnlib.core.rows import is_ours
from nnlib.core.symbol import Node, Symbol, is_symbol
from nnlib.layers.cloning import cloned_value
from nnlib.layers.input_layer import Input, InputLayer
from nnlib.models.graph import Graph
from nnlib.models.model import Model
from nnlib.models.sequential import Sequential


def clone_model(
    model: Any,
    input_tensors: Any = None,
    clone_function: Callable[[Layer], Layer] | None = None,
    call_function: Callable[..., Any] | None = None,
    recursive: bool = False,
) -> Any:
    """A model that does the same with layers of its own, whose weights are initialised anew.

    A layer that is used in several places is cloned once. A compiled model gives a compiled one.

    Args:
        model: a Sequential, a functional model, or one with `call` of its own, which is made
            again by its config, or by the arguments that it was made with.
        input_tensors: symbols to begin from, in the structure of the model's inputs; None for new
            ones. Only for Sequential and functional models, as is clone_function.
        clone_function: from a layer to the one that takes its place; None for a new one of the
            same configuration. Inputs are never passed to it.
        call_function: `f(layer, *args, **kwargs)`, which calls the new layer and returns the
            outputs; it may put further layers behind. Only for functional models.
        recursive: whether models within are cloned by these functions too, instead of being
            passed to `clone_function`.

    Returns:
        A model of the same class. A class of yours that makes its graph itself gives a plain
        Sequential or Model if symbols or functions are given.

    Raises:
        ArgumentError: for what is not a model, for arguments that its kind does not allow, and
            for one that its arguments do not make again.

    >>> import nnlib as nn
    >>> model = nn.Sequential([nn.Input((4,)), nn.layers.Dense(3), nn.layers.Dense(1)])
    >>> wider = lambda layer: nn.layers.Dense(2 * layer.units, name=layer.name)
    >>> clone = nn.models.clone_model(model, clone_function=wider)
    >>> clone.output_shape, model.output_shape
    ((None, 2), (None, 1))
    """
    if not isinstance(model, Model):
        raise ArgumentError(f"clone_model: expected a model, got {model!r}.")
    stacked, functional = isinstance(model, Sequential), model._graph is not None
    given = {
        "input_tensors": (input_tensors, stacked or functional),
        "clone_function": (clone_function, stacked or functional),
        "call_function": (call_function, functional),
    }
    for name, (value, possible) in given.items():
        if value is not None and not possible:
            kinds = "functional" if name == "call_function" else "Sequential and functional"
            raise ArgumentError(
                f"clone_model: expected {name} for {kinds} models only, got it for {model.name} "
                f"({type(model).__name__}). Leave it out."
            )
    return _Cloning(clone_function, call_function, recursive).model(model, input_tensors)


class _Cloning:
    """One run of `clone_model`: its functions, and the layers that are cloned already."""

    def __init__(self, clone_function: Any, call_function: Any, recursive: bool):
        self.clone_function, self.call_function = clone_function, call_function
        self.recursive = recursive
        self.clones: dict[Layer, Any] = {}

    def model(self, model: Any, input_tensors: Any = None) -> Any:
        """The clone of a model of any kind, compiled if it was."""
        if model in self.clones:
            return self.clones[model]
        given = (self.clone_function, self.call_function, input_tensors)
        changed = any(value is not None for value in given)
        if isinstance(model, Sequential) and (changed or "layers" in model._init_arguments):
            clone = self._sequential(model, input_tensors)
        elif model._graph is not None and (changed or "inputs" in model._init_arguments):
            clone = self._functional(model, model._graph, input_tensors)
        else:
            clone = self._again(model)
        self.clones[model] = clone
        clone._core.trainable = model.trainable  # of itself alone: its layers have theirs
        _compile_alike(model, clone)
        return clone

    def _sequential(self, model: Sequential, input_tensors: Any) -> Any:
        begin = [_new_input(symbol) for symbol in model._symbols[:1]]
        if input_tensors is not None:
            begin = _given_symbols(model, input_tensors, model._symbols[0] if begin else None)
            if not isinstance(begin[0].node.layer, InputLayer):
                raise ArgumentError(
                    f"clone_model: expected input_tensors of a Sequential to be an Input, got "
                    f"{begin[0]!r}. Clone without it and call the clone on that: clone(x)."
                )
        layers = [*begin, *map(self.layer, model.layers)]
        return self._made(model, Sequential, layers=layers)

    def _functional(self, model: Model, graph: Graph, input_tensors: Any) -> Any:
        if input_tensors is None:
            begin = [_new_input(symbol) for symbol in graph.input_leaves]
        else:
            begin = _given_symbols(model, input_tensors, graph.inputs)
        table = dict(zip(graph.input_leaves, begin, strict=True))
        for node in graph.nodes:
            args, kwargs = _exchanged(node.arguments(), table)
            call = self.call_function or _call
            out = call(self.layer(node.layer), *args, **kwargs)
            table.update(zip(node.symbols, _outputs(node, out), strict=True))
        inputs, outputs = (_exchanged(tree, table) for tree in (graph.inputs, graph.outputs))
        return self._made(model, Model, inputs=inputs, outputs=outputs)

    def _made(self, model: Model, plain: type[Model], **content: Any) -> Any:
        """A model of this content: of the same class, if that takes the content."""
        arguments = model._init_arguments
        if not content.keys() <= arguments.keys():
            return plain(**content, name=model.explicit_name)
        rest = {n: self._value(v) for n, v in arguments.items() if n not in content}
        if "trainable" in rest:  # layers may have been set otherwise since
            rest["trainable"] = True
        return type(model)(**content, **rest)

    def layer(self, layer: Layer) -> Any:
        """What takes the place of a layer; the same for each place it is used in."""
        if layer in self.clones:
            return self.clones[layer]
        nested = isinstance(layer, Model) and (isinstance(layer, Sequential) or layer._graph)
        if nested and self.recursive:
            return self.model(layer)
        if self.clone_function is not None:
            new = self.clone_function(layer)
            if not isinstance(new, Layer):
                raise ArgumentError(
                    f"clone_model: expected clone_function to return a layer, got {new!r} for "
                    f"{layer.name} ({type(layer).__name__})."
                )
        elif nested:
            plain = _Cloning(None, None, recursive=True)
            plain.clones = self.clones
            new = plain.model(layer)
        else:
            new = self._again(layer)
        self.clones[layer] = new
        return new

    def _again(self, layer: Layer) -> Any:
        """A new layer by its config, or by its arguments where data cannot stand for them."""
        kind, arguments = type(layer), layer._init_arguments
        by_config = not isinstance(layer, Model) and not any(map(_has_no_name, arguments.values()))
        try:
            if by_config or _writes_config(kind):
                return kind.from_config(layer.get_config())
            given = {name: self._value(value) for name, value in arguments.items()}
            if accepted_by_init(kind, "dtype"):
                given["dtype"] = layer.dtype_policy
            new = kind(**given)
        except TypeError as error:
            raise ArgumentError(
                f"clone_model: expected {layer.name} ({kind.__name__}) to be made again by the "
                f"arguments {', '.join(arguments) or '(none)'}, got: {error}. Name the arguments "
                "of __init__ instead of taking *args, or write get_config() and from_config()."
            ) from error
        new._core.name = layer.explicit_name or layer._core.assigned_name
        new._core.trainable = layer.trainable
        return new

    def _value(self, value: Any) -> Any:
        """An argument, with clones in place of layers."""
        if isinstance(value, Layer):
            return self.layer(value)
        if isinstance(value, list | tuple):
            return type(value)(map(self._value, value))
        if isinstance(value, dict):
            return {key: self._value(item) for key, item in value.items()}
        return cloned_value(value)


def _call(layer: Layer, *args: Any, **kwargs: Any) -> Any:
    return layer(*args, **kwargs)


def _new_input(symbol: Symbol) -> Symbol:
    dtype = "string" if is_string(symbol) else symbol.dtype.name
    return Input(batch_shape=symbol.shape, dtype=dtype, name=symbol.name)


def _exchanged(tree: Any, table: dict[Symbol, Any]) -> Any:
    return jax.tree.map(lambda leaf: table[leaf] if is_symbol(leaf) else leaf, tree)


def _outputs(node: Node, out: Any) -> list[Any]:
    leaves = jax.tree.leaves(out)
    if len(leaves) != len(node.symbols):
        raise ArgumentError(
            f"clone_model: expected call_function to return {len(node.symbols)} outputs for "
            f"{node.layer.name} ({type(node.layer).__name__}), got {len(leaves)}."
        )
    return leaves


def _given_symbols(model: Model, given: Any, wanted: Any) -> list[Any]:
    """The symbols of `input_tensors`, in order."""
    leaves, count = jax.tree.leaves(given), max(len(jax.tree.leaves(wanted)), 1)
    dicts = isinstance(given, dict) or isinstance(wanted, dict)
    fits = len(leaves) == count and all(map(is_symbol, leaves))
    structures: list[Any] = [jax.tree.structure(tree) for tree in (given, wanted)]
    if not fits or (dicts and structures[0] != structures[1]):
        raise ArgumentError(
            f"clone_model: expected input_tensors of the structure of the inputs of {model.name}, "
            f"{wanted!r}, got {given!r}. Make them with nnlib.Input(shape)."
        )
    return leaves


def _has_no_name(value: Any) -> bool:
    """Whether a layer, or an object of a class that nnlib does not know, is in an argument."""
    if isinstance(value, list | tuple | dict):
        return any(map(_has_no_name, value.values() if isinstance(value, dict) else value))
    unknown = isinstance(value, Configurable) and not is_ours(type(value))
    return unknown or isinstance(value, Layer)


def _writes_config(kind: type) -> bool:
    """Whether the author of a class has written how it is made again."""
    names = {"get_config", "from_config"}
    return any(names & vars(base).keys() and not is_ours(base) for base in kind.__mro__)


def _compile_alike(model: Model, clone: Model) -> None:
    """Compile the clone as the model was, with an optimizer and metrics of its own."""
    compiled = model.trainer.compiled if "_trainer" in vars(model) else None
    if compiled is None:
        return
    optimizer = copy.deepcopy(compiled.optimizer)
    optimizer.state = None
    own = {name: cloned_value(getattr(compiled, name)) for name in _STATEFUL}
    clone.trainer.compile(dataclasses.replace(compiled, optimizer=optimizer, **own))


_STATEFUL = ("loss", "metrics", "weighted_metrics")
