"""Arithmetic and slicing on symbols: `x + y` and `x[:, 0]` become small layers of the graph."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from nnlib.core.layer import Layer
from nnlib.core.symbol import Symbol

OPERATIONS: dict[str, Callable[..., Any]] = {
    "add": jnp.add,
    "subtract": jnp.subtract,
    "multiply": jnp.multiply,
    "true_divide": jnp.true_divide,
    "floor_divide": jnp.floor_divide,
    "mod": jnp.mod,
    "power": jnp.power,
    "matmul": jnp.matmul,
    "negative": jnp.negative,
    "absolute": jnp.absolute,
    "less": jnp.less,
    "less_equal": jnp.less_equal,
    "greater": jnp.greater,
    "greater_equal": jnp.greater_equal,
    "get_item": lambda x, index: x[index],
}


class Operation(Layer):
    """One function of arrays, by name.

    Args:
        operation: a key of `OPERATIONS`.
        name: of the layer; that of the operation, numbered, if None.
    """

    def __init__(self, operation: str, name: str | None = None):
        super().__init__(name=name, autocast=False)
        self.operation = operation
        self._core.assigned_name = operation

    def call(self, *operands: Any) -> Any:
        """Apply it."""
        return OPERATIONS[self.operation](*operands)


def _operator(name: str, reflected: bool = False) -> Callable[..., Any]:
    def method(self: Symbol, *others: Any) -> Any:
        operands = (*others, self) if reflected else (self, *others)
        return Operation(name)(*operands)

    return method


_BINARY = {
    "add": "add",
    "sub": "subtract",
    "mul": "multiply",
    "truediv": "true_divide",
    "floordiv": "floor_divide",
    "mod": "mod",
    "pow": "power",
    "matmul": "matmul",
}
_OTHERS = {
    "neg": "negative",
    "abs": "absolute",
    "lt": "less",
    "le": "less_equal",
    "gt": "greater",
    "ge": "greater_equal",
    "getitem": "get_item",
}


def give_symbols_arithmetic() -> None:
    """Define the operators of Symbol; called once, when layers are imported."""
    for suffix, name in _BINARY.items():
        setattr(Symbol, f"__{suffix}__", _operator(name))
        setattr(Symbol, f"__r{suffix}__", _operator(name, reflected=True))
    for suffix, name in _OTHERS.items():
        setattr(Symbol, f"__{suffix}__", _operator(name))


give_symbols_arithmetic()
