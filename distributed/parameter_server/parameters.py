"""Parameters: a handle to weights that live on parameter servers."""

import importlib
import itertools
import os
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from .engine import RECOVERY_SECONDS, begin_process, make_actor, waited
from .layout import Layout, Names, flat, refilled
from .shard import ParameterShard, Rules

_ANSWER_SECONDS = 10 * RECOVERY_SECONDS
"""So long a server may take to answer: starting again after a death, and reading its journal."""


class ShardActor(ParameterShard):
    """A ParameterShard in a process of Ray."""

    def __init__(self, settings: dict[str, Any], folder: str):
        begin_process(settings)
        super().__init__(folder)


def start_servers(ray: Any, hosts: Sequence[str], folder: str) -> list[Any]:
    """The actors of the servers, each with a folder for what it writes down."""
    return [
        make_actor(ray, ShardActor, host, os.path.join(folder, f"server-{index}"), retries=-1)
        for index, host in enumerate(hosts)
    ]


class Parameters:
    """Weights on parameter servers; of `ParameterServerStrategy.create_parameters`.

    It travels to workers, in the arguments or the closure of what is scheduled.

    Args:
        servers: their actors.
        partitioner: how large weights are cut, or None.
        trainable: the weights, a tree of arrays.
    """

    def __init__(
        self,
        servers: Sequence[Any],
        partitioner: Callable[..., Sequence[int]] | None,
        trainable: Any,
    ):
        self.servers = list(servers)
        leaves = flat(trainable)
        specs = {path: (array.shape, array.dtype) for path, array in leaves.items()}
        self.layout = Layout(specs, len(self.servers), partitioner)
        self.structure = jax.tree.map(lambda _: 0, trainable)
        self.state_structure: Any = {}

    def like(self, other: "Parameters") -> bool:
        """Whether the other has weights of the same shapes on the same servers."""
        return self.servers == other.servers and self.layout.shapes == other.layout.shapes

    def load(
        self,
        optimizer: Any,
        trainable: Any,
        opt: Any = None,
        state: Any = None,
        constraints: dict[Names, Any] | None = None,
    ) -> None:
        """Give the servers weights to begin with.

        Args:
            optimizer: how they move.
            trainable: a tree of arrays, of the shapes that it was made for.
            opt: the state of the optimizer; None for a new one.
            state: what is not trained, a tree of arrays; changes of it are added up.
            constraints: what is applied to weights behind each update, by path.
        """
        rules = Rules(optimizer, constraints or {})
        self.state_structure = jax.tree.map(lambda _: 0, state or {})
        weights = self.layout.split(flat(trainable))
        slots = self.layout.split(flat(opt if opt is not None else {}))
        calls = [
            server.load.remote(rules, *parts, flat(state or {}) if index == 0 else {})
            for index, (server, *parts) in enumerate(zip(self.servers, weights, slots, strict=True))
        ]
        self._answers(calls)

    def pull(self) -> Any:
        """The weights as they are now, a tree of NumPy arrays."""
        return self.pull_all()[0]

    def pull_all(self) -> tuple[Any, Any]:
        """The weights and what is not trained."""
        answers = self._answers([server.pull.remote() for server in self.servers])
        weights = self.layout.join([part for _, part, _ in answers])
        return refilled(self.structure, weights), refilled(self.state_structure, answers[0][2])

    def push(self, gradients: Any, changes: Any = None, update: Any = None) -> int:
        """Let the optimizer move the weights by these gradients.

        Args:
            gradients: a tree of arrays like the weights.
            changes: of what is not trained; None for none.
            update: tells it from other updates: what is pushed under the same one again, by a
                function that was run twice, is not applied again. None for one of its own.

        Returns:
            How many updates the first server has applied.
        """
        update = uuid.uuid4().hex if update is None else update
        extra = itertools.chain([flat(changes or {})], itertools.repeat({}))
        parts = zip(self.servers, self.layout.split(flat(gradients)), extra, strict=False)
        return self._answers([s.push.remote(update, part, more) for s, part, more in parts])[0]

    def everything(self, opt: Any) -> tuple[Any, Any, Any]:
        """The weights, the state of the optimizer, and what is not trained.

        Args:
            opt: a state of the optimizer, for its structure.
        """
        answers = self._answers([server.everything.remote() for server in self.servers])
        weights, slots = (self.layout.join([a[index] for a in answers]) for index in (0, 1))
        return (
            refilled(self.structure, weights),
            refilled(opt, slots),
            refilled(self.state_structure, answers[0][2]),
        )

    def _answers(self, calls: list[Any]) -> list[Any]:
        ray = importlib.import_module("ray")
        return list(waited(ray, calls, _ANSWER_SECONDS, "parameter servers to answer"))


def changes_between(old: Any, new: Any) -> Any:
    """What was added to arrays that are not trained: numbers, since servers add it up."""
    return jax.tree.map(lambda before, after: np.subtract(after, before), old, new)


def constraints_of(model: Any) -> dict[Names, Any]:
    """The constraints of a model's weights, by path."""
    return {
        (*path, name): weight.constraint
        for path, _, name, weight in model.weight_specs()
        if weight.constraint is not None
    }
