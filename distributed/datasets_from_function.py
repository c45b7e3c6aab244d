"""Datasets of which each process, or each replica, reads its own part."""

import functools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding

from nnlib.core.errors import DataError
from nnlib.data.constants import INFINITE_CARDINALITY
from nnlib.training.data import as_arrays

from .distributed_dataset import (
    DistributedIterator,
    check_owner,
    checked_dataset,
    pass_of,
    spec_for_replicas,
)
from .input_context import InputContext, InputOptions, InputReplicationMode
from .reduction import joined_uneven
from .replicas import Replicas
from .values import PerReplica

if TYPE_CHECKING:
    from .strategy import Strategy


class DistributedDatasetFromFunction:
    """Datasets of parts: each element is what one replica gets.

    Args:
        strategy: for whose replicas it is.
        function: InputContext -> a dataset of the batches of single replicas; called once for this
            process, or once for each of its replicas.
        options: how elements come to the devices.
    """

    place = "distribute_datasets_from_function"

    def __init__(
        self,
        strategy: "Strategy",
        function: Callable[[InputContext], Any],
        options: InputOptions,
    ):
        self.strategy, self.options = strategy, options
        self.datasets = [checked_dataset(self.place, function(c)) for c in self._contexts()]

    def _contexts(self) -> list[InputContext]:
        replicas = self.strategy.replicas
        count = replicas.count
        if self.options.experimental_replication_mode is InputReplicationMode.PER_REPLICA:
            return [InputContext(count, number, count) for number in replicas.local]
        processes = replicas.processes
        own = processes.index(jax.process_index())
        return [InputContext(len(processes), own, count)]

    def __iter__(self) -> DistributedIterator:
        # What processes agree on must come in the order of their steps: not from a thread.
        alone = len(self.strategy.replicas.processes) == 1
        depth = self.options.experimental_per_replica_buffer_size if alone else 0
        elements = map(self._grouped, self._steps())
        return DistributedIterator(elements, depth, lambda: self.element_spec)

    @property
    def element_spec(self) -> Any:
        """See `DistributedDataset.element_spec`.

        Where a dataset comes to an end, some replicas may get no rows there.
        """
        dataset, fetched = self.datasets[0], self.options.experimental_fetch_to_device

        def rows(count: int) -> int | None:
            known = getattr(dataset, "cardinality", lambda: None)()
            return count if known == INFINITE_CARDINALITY else None

        return spec_for_replicas(self.place, dataset, self.strategy, fetched, rows)

    def _steps(self) -> Iterator[list[Any]]:
        """What the replicas of this process get, step by step, as lists of leaves."""
        replicas = self.strategy.replicas
        passes = [iter(pass_of(dataset)) for dataset in self.datasets]
        turns = len(replicas.local) // len(passes)
        last: Any = None
        while True:
            step = [self._leaves(next(one, None)) for one in passes for _ in range(turns)]
            last = next((part for part in step if part is not None), last)
            if not replicas.exchange(np.array([[part is not None] for part in step])).any():
                return
            if last is None:
                raise DataError(
                    f"{self.place}: expected at least one element in the dataset of every process, "
                    "got an empty one."
                )
            yield [_nothing_of(last, self.place) if part is None else part for part in step]

    def _leaves(self, element: Any) -> Any:
        """The element with its leaves as arrays; those that are no batches may be scalars."""
        if element is None:
            return None
        return jax.tree.map(
            lambda leaf: as_arrays(np.asarray(leaf)[None], "an element", self.place)[0], element
        )

    def _grouped(self, step: list[Any]) -> Any:
        return jax.tree.map(lambda *parts: self._group(parts), *step)

    def _group(self, parts: tuple[np.ndarray, ...]) -> Any:
        replicas = self.strategy.replicas
        fetch = self.options.experimental_fetch_to_device
        if replicas.count == 1:
            return replicas.broadcast(parts[0]) if fetch else parts[0]
        return replicas.group(parts) if fetch else PerReplica(parts)

    def for_training(self, strategy: Any, place: str) -> "GlobalBatches":
        """The global batches, for `fit` and its siblings; see `check_owner`."""
        check_owner(self.strategy, strategy, place)
        return GlobalBatches(self.strategy.replicas, self._steps)


class GlobalBatches:
    """Batches of all replicas, from what each process has of them.

    Args:
        replicas: of the strategy.
        steps: begins a pass: for each step the parts of the replicas of this process.
    """

    def __init__(self, replicas: Replicas, steps: Callable[[], Iterator[list[Any]]]):
        self.replicas, self._steps = replicas, steps
        self.in_order = len(replicas.processes) > 1
        """Whether batches must not be read ahead by a thread: processes agree on each."""

    def __iter__(self) -> Iterator[Any]:
        for step in self._steps():
            yield jax.tree.map(lambda *parts: self._joined(parts), *step)

    def _joined(self, parts: tuple[np.ndarray, ...]) -> Any:
        if not self.in_order:
            return np.concatenate(parts)
        group = self.replicas.group(parts)
        if group.stacked is None:
            return joined_uneven(self.replicas, 0, [jnp.asarray(part) for part in parts])
        return _rows(self.replicas.by_replica)(group.stacked)


@functools.cache
def _rows(by_replica: NamedSharding) -> Callable[[Any], Any]:
    """(replicas, rows, ...) -> (all rows, ...), where they are."""
    return jax.jit(lambda a: a.reshape(-1, *a.shape[2:]), out_shardings=by_replica)


def _nothing_of(element: Any, place: str) -> Any:
    """An element of no rows."""
    if not all(np.ndim(leaf) for leaf in jax.tree.leaves(element)):
        raise DataError(
            f"{place}: expected as many elements as replicas in every step, got a rest of single "
            "numbers, of which there is no empty batch. Write batch(size), or take(steps * "
            "replicas)."
        )
    return jax.tree.map(lambda leaf: leaf[:0], element)
