"""A parameter server: some of the weights, and the optimizer that moves them."""

import os
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
import optax

from nnlib.core.tree import items, put

from .journal import Journal
from .layout import Flat, Names, flat, refilled

REMEMBERED = 100_000
"""Of so many updates a server knows that it has applied them."""


@dataclass(frozen=True)
class Rules:
    """How weights move: an optimizer, and constraints by path."""

    optimizer: Any
    constraints: dict[Names, Any]


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
        self._weights: dict[str, Any] = {}
        self._opt: Any = {}
        self._state: Flat = {}
        found = self._journal.read()
        if found is not None:
            (rules, weights, opt, state, self._applied, self._version), entries = found
            self._begin(rules, weights, opt, state)
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
        self._weights = {}
        for path, array in weights.items():
            put(self._weights, path, np.asarray(array))
        self._opt = jax.tree.map(np.asarray, rules.optimizer.init(self._weights))
        if opt:
            self._opt = refilled(self._opt, opt)
        self._state = {path: np.asarray(array) for path, array in state.items()}
        self._update = jax.jit(self._moved)

    def _moved(self, weights: Any, opt: Any, gradients: Any) -> tuple[Any, Any]:
        changes, opt = self._rules.optimizer.update(gradients, opt, weights)
        moved: dict[str, Any] = {}
        for path, array in items(optax.apply_updates(weights, changes)):
            rule = self._rules.constraints.get(path)
            put(moved, path, array if rule is None else rule(array))
        return moved, opt

    def pull(self) -> tuple[int, Flat, Flat]:
        """The number of updates so far, the weights, and what is not trained."""
        return self._version, dict(items(self._weights)), self._state

    def push(self, update: Any, gradients: Flat, changes: Flat) -> int:
        """Move the weights; returns the number of updates so far, once it is written down.

        Args:
            update: tells it from all others.
            gradients: of the weights here, by path.
            changes: of what is not trained.
        """
        if update not in self._applied:
            self._apply(update, gradients, changes)
            if self._journal.append((update, gradients, changes)):
                self._save()
        return self._version

    def _apply(self, update: Any, gradients: Flat, changes: Flat) -> None:
        tree: dict[str, Any] = {}
        for path, array in gradients.items():
            put(tree, path, array)
        if tree:
            moved = self._update(self._weights, self._opt, tree)
            self._weights, self._opt = jax.tree.map(np.asarray, moved)
        for path, change in changes.items():
            self._state[path] = (self._state[path] + change).astype(self._state[path].dtype)
        self._version += 1
        self._applied[update] = None
        if len(self._applied) > REMEMBERED:
            del self._applied[next(iter(self._applied))]

    def everything(self) -> tuple[Flat, Flat, Flat]:
        """The weights, the state of the optimizer, and what is not trained."""
        return dict(items(self._weights)), flat(self._opt), self._state

    def process(self) -> int:
        """The number of the process that it lives in."""
        return os.getpid()

    def _save(self) -> None:
        weights, opt, state = self.everything()
        self._journal.snapshot((self._rules, weights, opt, state, self._applied, self._version))
