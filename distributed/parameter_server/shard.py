"""A parameter server: some of the weights, and the optimizer that moves them."""

import copy
import os
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
import optax

from nnlib.core.tree import items, put

from .engine import dumped
from .journal import Journal
from .layout import Flat, Names, flat, refilled
from .row_updates import RowUpdate, moves_rows_alone
from .rows import Rows

REMEMBERED = 100_000
"""Of so many updates a server knows that it has applied them."""


@dataclass(frozen=True)
class Rules:
    """How weights move: an optimizer, without its state, and constraints by path."""

    optimizer: Any
    constraints: dict[Names, Any]

    @classmethod
    def of(cls, optimizer: Any, constraints: dict[Names, Any]) -> "Rules":
        """Those of an optimizer that may be in use."""
        bare = copy.copy(optimizer)
        if "state" in getattr(bare, "__dict__", {}):
            vars(bare)["state"] = None
        return cls(bare, constraints)


class ParameterShard:
    """Weights by path, moved by each gradient as it comes. Made within an actor.

    What `push` has confirmed survives the process: its next one reads the journal. An update that
    comes again, since its sender did not hear the answer, is not applied again.

    Args:
        folder: for the journal.

    >>> import tempfile, nnlib as nn, numpy as np
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     shard = ParameterShard(folder)
    ...     shard.load(Rules(nn.optimizers.SGD(0.5), {}), {("w",): np.ones(2)}, {}, {})
    ...     for _ in range(2):
    ...         version = shard.push("first", {("w",): np.ones(2)}, {})
    ...     version, shard.pull()[1][("w",)].tolist()
    (1, [0.5, 0.5])
    """

    def __init__(self, folder: str | os.PathLike[str]):
        self._journal = Journal(folder)
        self._applied: dict[Any, None] = {}
        self._version = 0
        self._rules = Rules(None, {})
        self._compiled_for = b""
        self._weights: dict[str, Any] = {}
        self._opt: Any = {}
        self._state: Flat = {}
        found = self._journal.read()
        if found is not None:
            (rules, weights, opt, state, self._applied, self._version), entries = found
            self._begin(pickle.loads(rules), weights, opt, state)
            for entry in entries:
                self._apply(*entry)

    def load(self, rules: Rules, weights: Flat, opt: Flat, state: Flat) -> None:
        """Begin with these weights.

        Args:
            rules: how they move.
            weights: by path.
            opt: the state of the optimizer by path; empty for a new one.
            state: what is not trained; changes of it are added up.
        """
        self._applied, self._version = {}, 0
        self._begin(rules, weights, opt, state)
        self._save()

    def _begin(self, rules: Rules, weights: Flat, opt: Flat, state: Flat) -> None:
        self._rules = rules
        # Whatever is an array of NumPy here is nobody else's: rows of it are written in place.
        self._weights = _nested({path: np.array(array) for path, array in weights.items()})
        self._shapes = {path: array.shape for path, array in weights.items()}
        self._opt = rules.optimizer.init(self._weights)
        if opt:
            self._opt = refilled(self._opt, {path: np.array(array) for path, array in opt.items()})
        self._rows_alone = moves_rows_alone(rules.optimizer)
        self._state = {path: np.asarray(array) for path, array in state.items()}
        told = dumped(rules)
        if told != self._compiled_for:  # by each `fit` again
            self._compiled_for, self._update = told, jax.jit(self._moved)

    def _moved(self, weights: Any, opt: Any, gradients: Any) -> tuple[Any, Any]:
        changes, opt = self._rules.optimizer.update(gradients, opt, weights)
        moved = dict(items(optax.apply_updates(weights, changes)))
        for path, rule in self._rules.constraints.items():
            if path in moved:
                moved[path] = rule(moved[path])
        return _nested(moved), opt

    def pull(self, wanted: Mapping[Names, Any] | None = None) -> tuple[int, Flat, Flat]:
        """The number of updates so far, the weights, and what is not trained.

        Args:
            wanted: ids of rows by path; of these weights the rows come, of others all.
        """
        weights = self._flat_weights()
        for path, ids in (wanted or {}).items():
            weights[path] = weights[path][ids]
        return self._version, weights, self._state

    def push(self, update: Any, gradients: Flat, changes: Flat) -> int:
        """Move the weights; returns the number of updates so far, once it is written down.

        Args:
            update: tells it from all others.
            gradients: of the weights here, by path: arrays, or Rows whose ids ascend.
            changes: of what is not trained.
        """
        if update not in self._applied:
            self._apply(update, gradients, changes)
            if self._journal.append((update, gradients, changes)):
                self._save()
        return self._version

    def _apply(self, update: Any, gradients: Flat, changes: Flat) -> None:
        if gradients:
            self._move(gradients)
        for path, change in changes.items():
            self._state[path] = (self._state[path] + change).astype(self._state[path].dtype)
        self._version += 1
        self._applied[update] = None
        if len(self._applied) > REMEMBERED:
            del self._applied[next(iter(self._applied))]

    def _move(self, gradients: Flat) -> None:
        tables = {path: rows for path, rows in gradients.items() if self._by_row(path, rows)}
        by_row = RowUpdate(tables, self._weights)
        whole = {
            path: by_row.gradient(path) if path in tables else self._dense(path, gradient)
            for path, gradient in gradients.items()
        }
        if not tables:
            self._weights, self._opt = self._update(self._weights, self._opt, _nested(whole))
            return
        held = by_row.writable((self._weights, self._opt))
        self._weights, self._opt = by_row.given(
            held, self._update(*by_row.taken(held), _nested(whole))
        )

    def _by_row(self, path: Names, gradient: Any) -> bool:
        alone = self._rows_alone and path not in self._rules.constraints
        return alone and isinstance(gradient, Rows)

    def _dense(self, path: Names, gradient: Any) -> Any:
        return gradient.dense(self._shapes[path]) if isinstance(gradient, Rows) else gradient

    def everything(self) -> tuple[Flat, Flat, Flat]:
        """The weights, the state of the optimizer, and what is not trained."""
        return self._flat_weights(), flat(self._opt), self._state

    def _flat_weights(self) -> Flat:
        return {path: np.asarray(array) for path, array in items(self._weights)}

    def process(self) -> int:
        """The number of the process that it lives in."""
        return os.getpid()

    def remove(self) -> None:
        """Remove what was written down: the last call."""
        self._journal.remove()

    def _save(self) -> None:
        weights, opt, state = self.everything()
        rules = self._compiled_for  # functions of optax need more than pickle
        self._journal.snapshot((rules, weights, opt, state, self._applied, self._version))


def _nested(weights: Flat) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for path, array in weights.items():
        put(tree, path, array)
    return tree
