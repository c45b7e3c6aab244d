"""Two graphs inside one operator, which both receive all its values: WHILE and IF."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from jax.extend.core import Literal

from ..dim_expression import symbols_of
from ..graph import Graph, Tensor
from ..symbolic import is_static
from .liveness import live_variables
from .lowerer import Lowerer


class InnerGraphs:
    """Condition and body of a WHILE, or the branches of an IF, while they are lowered.

    Args:
        outer: lowerer of the graph that the operator will stand in.
    """

    def __init__(self, outer: Lowerer) -> None:
        self.outer = outer
        self.sides = (outer.inside(), outer.inside())
        self._where = outer.graph.where
        self.values: list[Tensor] = []  # what the operator reads, one for each inner input
        self._numbers: dict[Tensor, int] = {}

    def pass_in(self, value: Tensor) -> int:
        """Make a value an input of both graphs; returns the input's number."""
        for side in self.sides:
            side.graph.add_input("", value.shape, value.dtype)
        self.values.append(value)
        return len(self.values) - 1

    def seen_from(self, side: Lowerer, value: Tensor) -> Tensor:
        """What an outer tensor is inside: a constant of its own there, or an input."""
        if value.data is not None:
            return side.graph.constant(value.data)
        if value not in self._numbers:
            self._numbers[value] = self.pass_in(value)
        return side.graph.inputs[self._numbers[value]]

    def lower(
        self,
        side: Lowerer,
        jaxpr: Any,
        consts: Sequence[Any],
        needed: Sequence[bool],
        fixed: Mapping[Any, Tensor],
        changing: Mapping[Any, Callable[[], Tensor]],
        hoist: bool,
    ) -> list[Tensor | None]:
        """Lower a jaxpr inside one of the graphs.

        Args:
            side: lowerer of that graph.
            jaxpr: what it computes.
            consts: values of its constants.
            needed: which of its results are read.
            fixed: outer tensors of inputs.
            changing: what makes the inner tensors of other inputs; called for those that are read.
            hoist: whether equations on fixed values alone are computed once, outside.

        Returns:
            An inner tensor for each needed result.
        """
        env = dict(fixed)
        live = live_variables(jaxpr, needed)
        pairs = zip(jaxpr.outvars, needed, strict=True)
        read = {var for var, need in pairs if need and not isinstance(var, Literal)}
        for number, eqn in enumerate(jaxpr.eqns):
            flags = [var in live for var in eqn.outvars]
            variables = [var for var in eqn.invars if not isinstance(var, Literal)]
            if hoist and any(flags) and all(var in env for var in variables):
                self.outer.hoist(number, eqn, env, flags)
            elif any(flags):
                read.update(variables)
        known = {var: self.seen_from(side, t) for var, t in env.items() if var in read}
        known.update((var, make()) for var, make in changing.items() if var in read)
        return side.run(jaxpr, consts, [None] * len(jaxpr.invars), needed, known)

    def close(self) -> tuple[Graph, Graph]:
        """The graphs, with the free sizes that their outputs need but no input has as an axis."""
        then, other = (side.graph for side in self.sides)
        for graph in (then, other):
            for symbol in sorted(_unreadable_symbols(graph)):
                size = self.outer.graph.add("dim_value", [], (), np.int32, dim=symbol)
                graph.symbols[symbol] = graph.inputs[self.pass_in(size)]
        self.outer.graph.where = self._where  # which equations inside have changed
        return then, other


def _unreadable_symbols(graph: Graph) -> set[str]:
    readable = {str(d) for t in graph.inputs for d in t.shape if not is_static(d)}
    dims = [d for op in graph.ordered() for t in op.outputs for d in t.shape]
    dims += [op.options["dim"] for op in graph.ordered() if "dim" in op.options]
    used = {symbol for dim in dims for symbol in symbols_of(dim)}
    return used - readable
