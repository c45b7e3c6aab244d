"""Which function lowers which primitive."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from ..graph import Tensor

Lowering: TypeAlias = Callable[
    [Any, Any, Sequence[Tensor]], "Tensor | Sequence[Tensor] | Sequence[Tensor | None]"
]

LOWERINGS: dict[str, Lowering] = {}
# For jitted functions by name; None where the program is not the one that the name promises.
NAMED_LOWERINGS: dict[str, Callable[[Any, Any, Sequence[Tensor]], Any]] = {}
# For equations on dtypes with few kernels or none; None where one is as any other.
OTHER_DTYPES: list[Callable[[Any, Any, Sequence[Tensor]], Any]] = []
COMPLEX_LOWERINGS: dict[str, Lowering] = {}  # for equations that read or write complex numbers


def lowers(*primitives: str) -> Callable[[Lowering], Lowering]:
    """Register a function `(lowerer, eqn, inputs) -> outputs` for these primitives.

    The inputs may be smaller than the equation says, with 1 in place of a broadcast size, and so
    may the outputs: broadcasts stay unwritten until `lowerer.full` asks for them.

    Args:
        primitives: names of JAX primitives.

    Returns:
        A decorator that returns the function unchanged.
    """
    return _registers(LOWERINGS, primitives)


def lowers_complex(*primitives: str) -> Callable[[Lowering], Lowering]:
    """Register a function for these primitives where they read or write complex numbers.

    Args:
        primitives: names of JAX primitives.

    Returns:
        A decorator that returns the function unchanged.
    """
    return _registers(COMPLEX_LOWERINGS, primitives)


def _registers(
    table: dict[str, Lowering], primitives: Sequence[str]
) -> Callable[[Lowering], Lowering]:
    def register(function: Lowering) -> Lowering:
        for primitive in primitives:
            assert primitive not in table, f"{primitive} is lowered twice"
            table[primitive] = function
        return function

    return register
