"""Compiled functions that hold the weights of layers, and how they follow these."""

import weakref
from collections.abc import Callable
from typing import Any

import jax

from nnlib.core.scope import reads_noted_by


class Program:
    """A compiled function, compiled again when a layer has other arrays than it was compiled with.

    A function that calls `model(x)` has the model's weights in it as constants: those of the day
    it was compiled. With `model.apply(params, state, x)` weights are arguments, and nothing is
    compiled again.

    Args:
        function: (static, *arrays) -> arrays.
    """

    def __init__(self, function: Callable[..., Any]):
        self._function = function
        self._begin()

    def _begin(self) -> None:
        self._read: list[tuple[weakref.ref[Any], dict[str, Any]]] = []

        def traced(*args: Any) -> Any:
            with reads_noted_by(self._note):
                return self._function(*args)

        self._compiled = jax.jit(traced, static_argnums=0)

    def _note(self, layer: Any, arrays: dict[str, Any]) -> None:
        self._read.append((weakref.ref(layer), dict(arrays)))

    def __call__(self, *args: Any) -> Any:
        """The function's result."""
        if self._read and any(map(_changed, self._read)):
            self._begin()
        return self._compiled(*args)


def _changed(read: tuple[weakref.ref[Any], dict[str, Any]]) -> bool:
    layer, arrays = read[0](), read[1]
    if layer is None:
        return False
    now = layer.own_arrays()
    return any(now.get(name) is not array for name, array in arrays.items())
