"""cond and switch: IF, nested where there are more than two branches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..graph import Tensor
from ..symbolic import plain
from .elementwise import binary, scalar
from .inner_graphs import InnerGraphs
from .lowerer import Lowerer, opened
from .registry import lowers

_BOOL = np.dtype(np.bool_)


@lowers("cond")
def lower_cond(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Sequence[Tensor | None]:
    """One of several branches, by number; a number out of range counts as the nearest."""
    index, *operands = inputs
    branches, needed = list(eqn.params["branches"]), list(lowerer.needed)
    if index.data is not None or len(branches) == 1:
        number = 0 if index.data is None else int(np.clip(index.data, 0, len(branches) - 1))
        jaxpr, consts = opened(branches[number])
        with lowerer.part(number):
            return lowerer.run(jaxpr, consts, operands, needed)
    return _Choice(eqn, branches, needed).lower(lowerer, index, operands)


@lowers("platform_index")
def lower_platform_index(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """Number of the branch for CPUs, or of the default one."""
    groups = [() if group is None else tuple(group) for group in eqn.params["platforms"]]
    fitting = [n for n, group in enumerate(groups) if "cpu" in group]
    fitting += [n for n, group in enumerate(groups) if not group]
    if not fitting:
        raise lowerer.refuse(eqn, "a branch for CPUs or a default one", "Pass default=...")
    number = fitting[0]
    return lowerer.graph.constant(np.int32(number))


class _Choice:
    """The branches of a cond equation."""

    def __init__(self, eqn: Any, branches: list[Any], needed: list[bool]) -> None:
        self.branches, self.needed = branches, needed
        self.avals = [var.aval for var in eqn.outvars]

    def lower(
        self, lowerer: Lowerer, index: Tensor, operands: Sequence[Tensor], first: int = 0
    ) -> list[Tensor | None]:
        """IF for branch `first`, with all later branches in its second graph."""
        inner = InnerGraphs(lowerer)
        then, other = inner.sides
        last = first == len(self.branches) - 2
        condition = _condition(lowerer, index) if last and first == 0 else None
        if condition is None:
            number = scalar(lowerer, first, index)
            condition = binary(lowerer, "LESS_EQUAL", index, number, _BOOL)
            order = (then, other)
        else:
            order = (other, then)  # a true condition means branch 1
        order[0].graph.outputs = self._branch(inner, order[0], first, operands)
        if last:
            order[1].graph.outputs = self._branch(inner, order[1], first + 1, operands)
        else:
            index = inner.seen_from(other, index)
            seen = [inner.seen_from(other, operand) for operand in operands]
            results = self.lower(other, index, seen, first + 1)
            other.graph.outputs = self._whole(other, results)
        graphs = inner.close()
        outputs = [Tensor(t.shape, t.dtype) for t in then.graph.outputs]
        values = [lowerer.reshape(condition, ()), *inner.values]
        given = iter(lowerer.graph.add_many("IF", values, outputs, graphs=graphs))
        return [next(given) if need else None for need in self.needed]

    def _branch(
        self, inner: InnerGraphs, side: Lowerer, number: int, operands: Sequence[Tensor]
    ) -> list[Tensor]:
        jaxpr, consts = opened(self.branches[number])
        fixed = dict(zip(jaxpr.invars, operands, strict=True))
        with side.part(number):
            results = inner.lower(side, jaxpr, consts, self.needed, fixed, {}, hoist=False)
        return self._whole(side, results)

    def _whole(self, side: Lowerer, results: Sequence[Tensor | None]) -> list[Tensor]:
        """The needed results in the shapes that all branches share."""
        pairs = zip(results, self.avals, strict=True)
        return [side.full(t, plain(aval.shape)) for t, aval in pairs if t is not None]


def _condition(lowerer: Lowerer, index: Tensor) -> Tensor | None:
    """The bool that a number of 0 or 1 was made of."""
    cast = index.producer
    if cast is None or cast.kind != "CAST" or cast.operand(0).dtype != _BOOL:
        return None
    return cast.operand(0)
