"""What layers of a tree are there, what they declare, and how arrays are bound to them."""

import weakref
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from nnlib.core import host, symbolic
from nnlib.core.errors import ArgumentError, NamingError, NotBuiltError, WeightMissingError
from nnlib.core.frame import Frame
from nnlib.core.masks import flat_masks, mask_of, set_masks
from nnlib.core.random import fold
from nnlib.core.run import run_layer
from nnlib.core.scope import step_placement
from nnlib.core.specs import Weight, is_arraylike, shape_spec, spec_from_shape
from nnlib.core.tree import Path, Tree, flatten, own_leaves, put, split_leaves

if TYPE_CHECKING:
    from nnlib.core.layer import Layer

_NOT_CHILDREN = ("_core", "_init_arguments", "_config_names")


def children_in(attributes: Mapping[str, Any]) -> list[tuple[str, "Layer"]]:
    """(name, layer) of the layers among these attributes; `blocks/0` for those in lists."""
    found: list[tuple[str, Layer]] = []
    for name, value in attributes.items():
        if name not in _NOT_CHILDREN:
            _collect(name.lstrip("_"), value, found)
    return found


def _collect(name: str, value: Any, found: list[tuple[str, "Layer"]]) -> None:
    if hasattr(type(value), "weight_specs"):  # a Layer; asked by duck so that no import circles
        found.append((name, value))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            _collect(f"{name}/{index}", item, found)
    elif isinstance(value, dict):
        for key, item in value.items():
            _collect(f"{name}/{key}", item, found)


def layout(root: "Layer") -> list[tuple[Path, "Layer"]]:
    """Depth first, each layer once."""
    found: list[tuple[Path, Layer]] = []
    seen: set[int] = set()

    def visit(path: Path, layer: "Layer") -> None:
        if id(layer) in seen:
            return
        seen.add(id(layer))
        found.append((path, layer))
        for name, child in layer.children():
            visit((*path, *name.split("/")), child)

    visit((), root)
    return found


def declare(
    layer: "Layer", inputs: Any, kwargs: dict[str, Any], training: bool, observer: Any = None
) -> Any:
    """See `Layer.declare`."""
    return declare_with_masks(layer, inputs, kwargs, training, observer)[0]


def declare_with_masks(
    layer: "Layer",
    inputs: Any,
    kwargs: dict[str, Any],
    training: bool = False,
    observer: Any = None,
) -> tuple[Any, list[Any]]:
    """The specs of the outputs, and for each a spec of its mask or None."""
    dynamic, fill = split_leaves((inputs, kwargs), is_arraylike)
    masked = [index for index, leaf in enumerate(dynamic) if mask_of(leaf) is not None]

    def traced(*given: Any) -> Any:
        arrays, masks = given[: len(dynamic)], given[len(dynamic) :]
        args, keywords = fill(list(arrays))
        with Frame(layer, training=training, rng=lambda: jax.random.key(0), observer=observer):
            set_masks([arrays[index] for index in masked], masks)
            out = run_layer(layer, args, keywords)
            return out, flat_masks(out)

    if any(map(host.is_string, dynamic)):
        specs = _declare_strings(layer, inputs, dynamic, traced, observer)
    else:
        specs = symbolic.eval_shape(traced, [*dynamic, *(mask_of(dynamic[i]) for i in masked)])
    claim(layer)
    return specs


def _declare_strings(
    layer: "Layer", inputs: Any, dynamic: list[Any], traced: Any, observer: Any
) -> tuple[Any, list[Any]]:
    """Strings cannot be traced: on arrays the layer is run, of specs it says what it makes."""
    if all(isinstance(leaf, np.ndarray | jax.Array) for leaf in dynamic):
        out, _ = traced(*dynamic)
        return jax.tree.map(shape_spec, out), [None for _ in jax.tree.leaves(out)]
    out = host.output_spec(layer, inputs)
    layer.built = True
    for path, child in layer.layout() if observer is not None else ():
        if child.nodes:  # nothing has run: the graph knows what its layers make
            observer(child, "/".join(path), child.nodes[0].outputs)
    return out, [None for _ in jax.tree.leaves(out)]


def claim(root: "Layer") -> None:
    """Note at each layer which model names its path, unless another does already.

    Raises:
        NamingError: where a weight and a layer share a name.
    """
    _refuse_collisions(root)
    for _, layer in root.layout():
        owner = layer._core.root and layer._core.root()
        if owner is None or owner is layer:
            layer._core.root = weakref.ref(root)


def _refuse_collisions(root: "Layer") -> None:
    for path, layer in root.layout():
        heads = {name.split("/")[0] for name, _ in layer.children()}
        if both := heads & layer.own_weights.keys():
            raise NamingError(
                f"{'/'.join(path) or root.name} ({type(layer).__name__}): expected weights and "
                f"layers of different names, got {sorted(both)} for both. Rename one of them."
            )


def initial_value(key: Any, path: Path, weight: Weight) -> jax.Array:
    """A fresh array for a weight; its key depends on its path alone."""
    return weight.init(fold(key, *path), weight.shape, weight.dtype)


def bind(
    layers: list[tuple[Path, "Layer"]], params: Mapping[str, Any], state: Mapping[str, Any]
) -> dict[int, dict[str, Any]]:
    """The arrays of each layer by identity, checked against what it declared."""
    values: dict[int, dict[str, Any]] = {}
    for path, layer in layers:
        weights = layer.own_weights
        if not weights:
            values[id(layer)] = {}
            continue
        own = {True: own_leaves(params, path), False: own_leaves(state, path)}
        for name, weight in weights.items():
            _check_leaf(
                own[weight.trainable], name, weight, path, params if weight.trainable else state
            )
        values[id(layer)] = {n: own[w.trainable][n] for n, w in weights.items()}
    placement = step_placement()
    return values if placement is None else placement.at_use(values)


def state_in(layer: "Layer", frame: Frame) -> Tree:
    """The state of a layer and of all below, as a frame has it by now."""
    found: Tree = {}
    for path, owner, name, weight in layer.weight_specs():
        if not weight.trainable:
            put(found, (*path, name), (frame.values or {})[id(owner)][name])
    return found


def _check_leaf(own: Tree, name: str, weight: Weight, path: Path, tree: Mapping[str, Any]) -> None:
    full = "/".join((*path, name))
    kind = "params" if weight.trainable else "state"
    if name not in own:
        have = ", ".join(flatten(tree)) or "nothing"
        raise WeightMissingError(
            f"{full}: expected an array of shape {weight.shape} in {kind}, got none "
            f"({kind} holds {have}). Make the trees with init(), or restore a matching checkpoint."
        )
    if own[name].shape != weight.shape:
        raise WeightMissingError(
            f"{full}: expected an array of shape {weight.shape} in {kind}, got "
            f"{own[name].shape}. Restore a checkpoint of the same model."
        )


def penalties(
    layers: list[tuple[Path, "Layer"]], values: dict[int, dict[str, Any]], losses: list[Any]
) -> Any:
    """Regularisers of the trainable weights and the losses added in the call, summed."""
    terms = [
        weight.regularizer(values[id(layer)][name])
        for _, layer in layers
        if layer.trainable
        for name, weight in layer.own_weights.items()
        if weight.regularizer is not None
    ]
    return sum([*terms, *losses], start=0.0)


def first_node(layer: "Layer") -> Any:
    """The node of the first call on symbols."""
    if not layer.nodes:
        raise NotBuiltError(
            f"{layer.name} ({type(layer).__name__}): expected a layer of a graph, got one that was "
            "never called on an Input. Call it on one: layer(nnlib.Input(shape))."
        )
    return layer.nodes[0]


def output_shape(layer: "Layer", shapes: tuple[Any, ...], named: dict[str, Any]) -> Any:
    """See `Layer.compute_output_shape`."""
    for shape in (*shapes, *named.values()):
        known = shape is None or is_arraylike(shape)
        if not known and not isinstance(shape, tuple | list | dict):
            raise ArgumentError(
                f"{type(layer).__name__}.compute_output_shape: expected shapes such as (None, 3), "
                f"or lists and dicts of them, got {shape!r}."
            )
    specs = {name: spec_from_shape(shape) for name, shape in named.items()}
    out = layer.declare(*map(spec_from_shape, shapes), **specs)
    return jax.tree.map(symbolic.known_shape, out)
