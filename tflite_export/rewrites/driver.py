"""Applies rewrites until none applies, visiting only operators whose surroundings changed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import TypeAlias

from ..graph import Graph, Op

Rewrite: TypeAlias = Callable[[Graph, Op], bool]


class RuleSet:
    """Rewrites by the kind of operator that they start from.

    Example:
        >>> rules = RuleSet()
        >>> @rules.on("NEG")
        ... def double_negation(graph, op):
        ...     inner = op.operand(0).producer
        ...     if inner is None or inner.kind != "NEG":
        ...         return False
        ...     graph.replace(op.out, inner.operand(0))
        ...     return True
        >>> sorted(rules.by_kind)
        ['NEG']
    """

    def __init__(self, *others: RuleSet) -> None:
        self.by_kind: dict[str, list[Rewrite]] = {}
        for other in others:
            for kind, rewrites in other.by_kind.items():
                self.by_kind.setdefault(kind, []).extend(rewrites)

    def on(self, *kinds: str) -> Callable[[Rewrite], Rewrite]:
        """Register a rewrite `(graph, op) -> changed` for operators of these kinds."""

        def register(rewrite: Rewrite) -> Rewrite:
            for kind in kinds:
                self.by_kind.setdefault(kind, []).append(rewrite)
            return rewrite

        return register


def apply_rules(graph: Graph, rules: RuleSet) -> None:
    """Apply `rules` to a fixpoint.

    Args:
        graph: changed in place.
        rules: the rewrites. Each must make progress (fewer or cheaper operators), so that the
            work ends.
    """
    queue = _Queue(graph.ordered())
    graph.touched.clear()
    while (op := queue.pop()) is not None:
        for rewrite in rules.by_kind.get(op.kind, ()):
            if op.dead:
                break
            graph.where = op.where
            if rewrite(graph, op):
                graph.prune(op)
                queue.add([op])
                queue.add(_with_readers(graph.touched))
                graph.touched.clear()
                break


def _with_readers(ops: Iterable[Op]) -> list[Op]:
    """The changed operators, and the readers of their outputs, whose patterns may match now."""
    return [reader for op in ops for reader in (op, *_readers(op))]


def _readers(op: Op) -> list[Op]:
    return [reader for out in op.outputs for reader in out.consumers]


class _Queue:
    """First in, first out, each operator at most once."""

    def __init__(self, ops: Iterable[Op]) -> None:
        self._ops: deque[Op] = deque()
        self._waiting: set[Op] = set()
        self.add(ops)

    def add(self, ops: Iterable[Op]) -> None:
        for op in ops:
            if not op.dead and op not in self._waiting:
                self._waiting.add(op)
                self._ops.append(op)

    def pop(self) -> Op | None:
        while self._ops:
            op = self._ops.popleft()
            self._waiting.discard(op)
            if not op.dead:
                return op
        return None
