"""Compiled functions of `strategy.run`: their constants, and the weights that they hold."""

import weakref
from collections.abc import Callable
from typing import Any

import jax

from nnlib.core.scope import reads_noted_by

from .static import Static
from .values import PerReplica


class Program:
    """A compiled function, compiled again when a layer has other arrays than it was compiled with.

    A function that calls `model(x)` has the model's weights in it as constants: those of the day
    it was compiled. With `model.apply(params, state, x)` weights are arguments, and nothing is
    compiled again.

    Args:
        function: (static, *arrays) -> a tree of arrays, and of Static in place of constants.
    """

    def __init__(self, function: Callable[..., Any]):
        self._function = function
        self._begin()

    def _begin(self) -> None:
        self._read: list[tuple[weakref.ref[Any], dict[str, Any]]] = []
        self._constants = False

        def traced(*args: Any) -> Any:
            with reads_noted_by(self._note):
                result = self._function(*args)
            self._constants |= any(map(_is_static, jax.tree.leaves(result, is_leaf=_is_static)))
            return result

        self._compiled = jax.jit(traced, static_argnums=0)

    def _note(self, layer: Any, arrays: dict[str, Any]) -> None:
        self._read.append((weakref.ref(layer), dict(arrays)))

    def __call__(self, *args: Any) -> Any:
        """The function's result, with its constants."""
        if self._read and any(map(_changed, self._read)):
            self._begin()
        result = self._compiled(*args)
        return jax.tree.map(_plain, result, is_leaf=_is_leaf) if self._constants else result


def _is_static(value: Any) -> bool:
    return type(value) is Static


def _is_leaf(value: Any) -> bool:
    return isinstance(value, Static | PerReplica)


def _plain(leaf: Any) -> Any:
    return leaf.value if isinstance(leaf, Static) else leaf


def _changed(read: tuple[weakref.ref[Any], dict[str, Any]]) -> bool:
    layer, arrays = read[0](), read[1]
    if layer is None:
        return False
    now = layer.own_arrays()
    return any(now.get(name) is not array for name, array in arrays.items())
