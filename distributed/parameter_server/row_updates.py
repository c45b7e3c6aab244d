"""Updates of a few rows: which optimizers leave all other rows as they are, and how they do it."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from nnlib import optimizers

from .layout import Names, names_of
from .rows import Rows

_LEAST = 8
"""So many rows an update has at least: the count is rounded up, or each would be compiled."""


def moves_rows_alone(optimizer: Any) -> bool:
    """Whether a row with the gradient 0 stays as it is, with all that is remembered of it.

    So a table may be updated in the rows that have gradients alone. Momentum, Adam's moments and
    weight decay move the others, too.
    """
    plain = type(optimizer) is optimizers.SGD and not optimizer.momentum
    adaptive = type(optimizer) is optimizers.Adagrad and optimizer.epsilon > 0
    return (plain or adaptive) and not (
        optimizer.weight_decay or optimizer.use_ema or optimizer.gradient_accumulation_steps
    )


class RowUpdate:
    """Takes rows of tables out of trees, and puts others in their place.

    Args:
        tables: the rows by path, whose ids ascend.
        weights: the tree of all weights; slots of an optimizer are in trees of its structure.
    """

    def __init__(self, tables: Mapping[Names, Rows], weights: Any):
        self._tables = tables
        self._structure: Any = jax.tree.structure(weights)

    def gradient(self, path: Names) -> Any:
        """The rows of a gradient, and zeros."""
        values = self._tables[path].values
        return np.pad(values, [(0, _padding(len(values))), *[(0, 0)] * (values.ndim - 1)])

    def taken(self, tree: Any) -> Any:
        """The tree with rows in place of tables."""
        return self._mapped(lambda rows, table: table[np.pad(rows.ids, (0, _padding(rows)))], tree)

    def given(self, tree: Any, moved: Any) -> Any:
        """The tree with these rows; tables, which are arrays of NumPy, are written in place."""

        def write(rows: Rows, table: Any, new: Any) -> Any:
            table[rows.ids] = np.asarray(new)[: len(rows.ids)]
            return table

        return self._mapped(write, tree, moved, other=lambda old, new: new)

    def writable(self, tree: Any) -> Any:
        """The tree with tables of NumPy."""

        def own(rows: Rows, table: Any) -> Any:
            return table if isinstance(table, np.ndarray) else np.array(table)

        return self._mapped(own, tree)

    def _mapped(
        self,
        function: Callable[..., Any],
        tree: Any,
        *more: Any,
        other: Callable[..., Any] = lambda leaf: leaf,
    ) -> Any:
        def visit(path: Any, leaf: Any, *rest: Any) -> Any:
            rows = self._tables.get(names_of(path))
            return other(leaf, *rest) if rows is None else function(rows, leaf, *rest)

        def visit_tree(tree: Any, *rest: Any) -> Any:
            if not self._like_weights(tree):
                return other(tree, *rest)
            return jax.tree.map_with_path(visit, tree, *rest)

        return jax.tree.map(visit_tree, tree, *more, is_leaf=self._like_weights)

    def _like_weights(self, tree: Any) -> bool:
        return isinstance(tree, dict) and bool(self._structure == jax.tree.structure(tree))


def _padding(rows: Any) -> int:
    count = len(rows.ids) if isinstance(rows, Rows) else rows
    return max(_LEAST, 1 << (count - 1).bit_length()) - count if count else _LEAST
