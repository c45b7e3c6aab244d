"""Arithmetic and slicing on symbols: `x + y` and `x[:, 0]` become small layers of the graph."""

from collections.abc import Callable, Mapping
from typing import Any

from nnlib.core.errors import ArgumentError, UnknownNameError
from nnlib.core.layer import Layer
from nnlib.core.symbol import Symbol
from nnlib.layers.operations import OPERATIONS


class Operation(Layer):
    """One function of arrays, by name.

    Args:
        operation: a key of `nnlib.layers.operations.OPERATIONS`: "add", "get_item", "mean", ...
        options: keywords of the function that are no arrays, `{"axis": 1}` for "mean".
        name: of the layer; that of the operation, numbered, if None.

    Raises:
        UnknownNameError: for an operation that is not known.
        ArgumentError: for options that it does not have.
    """

    def __init__(
        self,
        operation: str,
        options: Mapping[str, Any] | None = None,
        name: str | None = None,
    ):
        super().__init__(name=name, autocast=False)
        if operation not in OPERATIONS:
            raise UnknownNameError(
                f"Operation: expected the name of an operation, got {operation!r}. Known: "
                f"{', '.join(sorted(OPERATIONS))}."
            )
        known = OPERATIONS[operation].options
        if wrong := set(options or {}) - set(known):
            raise ArgumentError(
                f"Operation {operation!r}: expected options among {', '.join(known) or 'none'}, "
                f"got {', '.join(sorted(map(str, wrong)))}."
            )
        self.operation = operation
        self.options = {key: _with_tuples(value) for key, value in (options or {}).items()}

    @property
    def name(self) -> str:
        """The name given, else the one its model gave it, else that of the operation."""
        return (
            self._core.name or self._core.assigned_name or vars(self).get("operation", "operation")
        )

    def call(self, *operands: Any) -> Any:
        """Apply it."""
        return OPERATIONS[self.operation].function(*operands, **self.options)


def _with_tuples(value: Any) -> Any:
    """Axes and shapes as JAX takes them, whatever they were read from."""
    return tuple(map(_with_tuples, value)) if isinstance(value, list | tuple) else value


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
