"""Parameters: a handle to weights that live on parameter servers."""

import importlib
import itertools
import os
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from nnlib.core.errors import ArgumentError
from nnlib.core.tree import items

from .engine import RECOVERY_SECONDS, begin_process, make_actor, waited
from .layout import Flat, Layout, Names, flat, refilled
from .parcel import cut, joined, packed, piece_count
from .rows import Rows, checked, checked_ids
from .session import check_connected
from .shard import ParameterShard, Rules
from .watch import Process, this_process

_ROOM = 2000
"""Bytes for names, and for what is not trained, beside the weights that a server sends."""
_ANSWER_SECONDS = 10 * RECOVERY_SECONDS
"""So long a server may take to answer: starting again after a death, and reading its journal."""


class ShardActor(ParameterShard):
    """A ParameterShard in a process of Ray."""

    def __init__(self, settings: dict[str, Any], folder: str):
        begin_process(settings)
        super().__init__(folder)

    def pulse(self) -> Process:
        """The sign of life that the chief asks for, beside what it is doing."""
        return this_process(importlib.import_module("ray"))

    def pull_parcel(self, wanted: Any, pieces: int) -> Any:
        """What `pull` returns, in so many results."""
        parts = cut(self.pull(wanted), pieces)
        return parts[0] if len(parts) == 1 else tuple(parts)

    def push_parcel(self, *parts: Any) -> int:
        """`push`, of arguments that were packed."""
        return self.push(*joined(parts))


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
        rules = Rules.of(optimizer, constraints or {})
        self.state_structure = jax.tree.map(lambda _: 0, state or {})
        weights = self.layout.split(flat(trainable))
        slots = self.layout.split_slots(flat(opt if opt is not None else {}))
        calls = [
            server.load.remote(rules, *parts, flat(state or {}) if index == 0 else {})
            for index, (server, *parts) in enumerate(
                zip(self._reached(), weights, slots, strict=True)
            )
        ]
        self._answers(calls)

    def pull(self, rows: Any = None) -> Any:
        """The weights as they are now.

        Args:
            rows: ids of rows, (count,) integers, by name in a dict that is nested as the weights:
                of these weights only such rows are sent, in the order of the ids. None for all.

        Returns:
            A tree of NumPy arrays; of a weight in `rows`, (count, ...) the rows.

        Raises:
            ArgumentError: for rows that the weights have not.

        Example::

            weights.pull(rows={"table": np.array([3, 5])})["table"]  # (2, width)
        """
        if not (rows is None or isinstance(rows, Mapping)):
            raise ArgumentError(
                f"pull: expected rows to be a dict of ids, got {type(rows).__name__}. "
                "Write the ids below the names of their weights."
            )
        wanted = {
            path: checked_ids(*self._place("pull", path, ids)) for path, ids in items(rows or {})
        }
        once = {path: np.unique(ids) for path, ids in wanted.items()}
        weights = self.pull_all(once)[0]
        for path, ids in wanted.items():
            weights[path] = weights[path][np.searchsorted(once[path], ids)]
        return refilled(self.structure, weights)

    def pull_all(self, rows: Flat) -> tuple[Flat, Any]:
        """The weights by path, and what is not trained.

        Args:
            rows: ids of rows by path, ascending: of these weights only such rows are sent.
        """
        split = self.layout.split({path: Rows(ids, ids) for path, ids in rows.items()})
        wanted = [{path: part.ids for path, part in own.items()} for own in split]
        counts = [piece_count(size + _ROOM) for size in self.layout.sizes(wanted)]
        calls = [
            server.pull_parcel.options(num_returns=count).remote(own, count)
            for server, own, count in zip(self._reached(), wanted, counts, strict=True)
        ]
        parcels = iter(self._answers(list(itertools.chain(*(_listed(call) for call in calls)))))
        answers = [joined(list(itertools.islice(parcels, count))) for count in counts]
        parts = [part for _, part, _ in answers]
        weights = self.layout.join([_without(part, rows) for part in parts])
        weights |= {path: self.layout.join_rows(path, parts) for path in rows}
        return weights, refilled(self.state_structure, answers[0][2])

    def push(self, gradients: Any, changes: Any = None, update: Any = None) -> int:
        """Let the optimizer move the weights by these gradients.

        Args:
            gradients: a tree of arrays like the weights; Rows in place of an array are its
                gradients in some rows, where it is 0 in the others.
            changes: of what is not trained; None for none.
            update: tells it from other updates: what is pushed under the same one again, by a
                function that was run twice, is not applied again. None for one of its own.

        Returns:
            How many updates the first server has applied.

        Raises:
            ArgumentError: for gradients that are not like the weights, and Rows that the weight
                has not.

        Example::

            version = weights.push({"table": Rows(np.array([3, 5]), values), "bias": gradient})
        """
        update = uuid.uuid4().hex if update is None else update
        extra = itertools.chain([flat(changes or {})], itertools.repeat({}))
        found = flat(gradients)
        _check_names(found, self.layout.shapes)
        given = {path: self._gradient(path, leaf) for path, leaf in found.items()}
        parts = zip(self._reached(), self.layout.split(given), extra, strict=False)
        calls = [s.push_parcel.remote(*packed((update, part, more))) for s, part, more in parts]
        return self._answers(calls)[0]

    def everything(self, opt: Any) -> tuple[Any, Any, Any]:
        """The weights, the state of the optimizer, and what is not trained.

        Args:
            opt: a state of the optimizer, for its structure.
        """
        answers = self._answers([server.everything.remote() for server in self._reached()])
        weights = self.layout.join([part for part, *_ in answers])
        slots = self.layout.join_slots([part for _, part, *_ in answers])
        return (
            refilled(self.structure, weights),
            refilled(opt, slots),
            refilled(self.state_structure, answers[0][2]),
        )

    def _gradient(self, path: Names, gradient: Any) -> Any:
        if isinstance(gradient, Rows):
            return checked(*self._place("push", path, gradient))
        shape = self.layout.shapes[path]
        if gradient.shape != shape:
            raise ArgumentError(
                f"push: expected a gradient of the shape {shape} for {'/'.join(path)}, got "
                f"{gradient.shape}. Broadcast or sum it to the shape of the weight."
            )
        return gradient

    def _place(self, method: str, path: Names, rows: Any) -> tuple[str, Any, tuple[int, ...]]:
        """For `checked`: what rows are meant for, they, and the shape of the weight."""
        shape, name = self.layout.shapes.get(path), "/".join(map(str, path))
        if not shape:
            what = "no weight" if shape is None else "a number"
            raise ArgumentError(
                f"{method}: expected rows of a weight, got {name}, which is {what}. "
                "Name weights as they were in create_parameters()."
            )
        return f"{method}: expected rows of {name}, of the shape {shape}", rows, shape

    def _reached(self) -> list[Any]:
        """The servers, for calls of them."""
        check_connected(importlib.import_module("ray"))
        return self.servers

    def _answers(self, calls: list[Any]) -> list[Any]:
        ray = importlib.import_module("ray")
        return list(waited(ray, calls, _ANSWER_SECONDS, "parameter servers to answer"))


def _listed(calls: Any) -> list[Any]:
    return calls if isinstance(calls, list) else [calls]


def _without(part: Flat, rows: Flat) -> Flat:
    return {path: array for path, array in part.items() if path not in rows}


def _check_names(gradients: Flat, shapes: Mapping[Names, Any]) -> None:
    got = {
        "none for": shapes.keys() - gradients.keys(),
        "some for unknown": gradients.keys() - shapes.keys(),
    }
    if wrong := [
        f"{what} {', '.join(sorted(map('/'.join, paths)))}" for what, paths in got.items() if paths
    ]:
        raise ArgumentError(
            f"push: expected a gradient for each weight, got {' and '.join(wrong)}. "
            "Give zeros for a weight that does not move."
        )


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
