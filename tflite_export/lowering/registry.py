"""Which function lowers which primitive."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from ..graph import Tensor

Lowering: TypeAlias = Callable[
    [Any, Any, Sequence[Tensor]], "Tensor | Sequence[Tensor] | Sequence[Tensor | None]"
]

LOWERINGS: dict[str, Lowering] = {}


def lowers(*primitives: str) -> Callable[[Lowering], Lowering]:
    """Register a function `(lowerer, eqn, inputs) -> outputs` for these primitives.

    The inputs may be smaller than the equation says, with 1 in place of a broadcast size, and so
    may the outputs: broadcasts stay unwritten until `lowerer.full` asks for them.

    Args:
        primitives: names of JAX primitives.

    Returns:
        A decorator that returns the function unchanged.
    """

    def register(function: Lowering) -> Lowering:
        for primitive in primitives:
            assert primitive not in LOWERINGS, f"{primitive} is lowered twice"
            LOWERINGS[primitive] = function
        return function

    return register
