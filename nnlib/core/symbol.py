"""The graph that functional models are made of: symbols stand for arrays, nodes for calls."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from nnlib.core.declare import declare_with_masks
from nnlib.core.masks import set_masks
from nnlib.core.naming import snake_case
from nnlib.core.specs import Shape, concrete_dims, shape_spec
from nnlib.core.tree import split_leaves

if TYPE_CHECKING:
    from nnlib.core.layer import Layer


@dataclass(frozen=True, eq=False)
class Symbol:
    """An array to come: what `Input` returns and what layers return when called on one.

    Dims that are not known are None. Two symbols are the same only if they are one object.
    Arithmetic and slicing work as on arrays and become small layers of the graph.
    """

    shape: Shape
    dtype: np.dtype
    node: "Node"
    index: int
    __array_priority__ = 1000  # so that `numpy_array * symbol` asks the symbol

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError(
            f"{self!r} stands for an array to come and has no values. Call a function on it inside "
            "a layer: nnlib.layers.Lambda(function)(symbol)."
        )

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def name(self) -> str:
        """The name of the layer that makes it."""
        return self.node.layer.name

    def __repr__(self) -> str:
        return f"<Symbol shape={self.shape}, dtype={self.dtype.name}, from={self.name}>"

    def __bool__(self) -> bool:
        raise TypeError(f"{self!r} has no value yet, so it cannot decide an if.")

    def __iter__(self) -> Any:
        raise TypeError(f"{self!r} cannot be iterated: slice it, x[:, 0].")


def is_symbol(leaf: Any) -> bool:
    """Whether `leaf` is a Symbol."""
    return isinstance(leaf, Symbol)


def has_symbols(tree: Any) -> bool:
    """Whether a Symbol is anywhere in this pytree."""
    return any(map(is_symbol, jax.tree.leaves(tree)))


class Node:
    """One call of a layer on symbols; `outputs` is what it returned, with symbols as leaves."""

    def __init__(self, layer: "Layer", args: tuple[Any, ...], kwargs: dict[str, Any]):
        self.layer = layer
        self.inputs, self._fill = split_leaves((args, kwargs), is_symbol)
        out, masks = declare_with_masks(layer, args, kwargs)
        leaves, structure = jax.tree.flatten(out)
        symbols = [
            Symbol(concrete_dims(leaf.shape), np.dtype(leaf.dtype), self, index)
            for index, leaf in enumerate(leaves)
        ]
        set_masks(symbols, [shape_spec(mask) for mask in masks])
        self.symbols = symbols
        self.outputs = jax.tree.unflatten(structure, symbols)
        layer.nodes.append(self)

    def run(self, arrays: list[Any]) -> list[Any]:
        """The output leaves of the layer, called on `arrays` in place of the input symbols."""
        args, kwargs = self._fill(arrays)
        return jax.tree.leaves(self.layer(*args, **kwargs))

    def arguments(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The (args, kwargs) of the call, with its symbols."""
        return self._fill(self.inputs)

    def __repr__(self) -> str:
        return f"<Node {snake_case(type(self.layer).__name__)} -> {self.outputs}>"
