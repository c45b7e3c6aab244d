"""Datasets whose elements are a PerReplica for each array."""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from nnlib.core.errors import ArgumentError, DataError
from nnlib.training.data import as_arrays
from nnlib.training.stream import Ahead, is_stream

from .input_context import InputContext, InputOptions, InputReplicationMode
from .values import PerReplica

if TYPE_CHECKING:
    from .strategy import Strategy


class DistributedIterator:
    """One way through a distributed dataset.

    Args:
        elements: what it gives.
        depth: how many of them are made ready ahead of time, by a thread; 0 for no thread.
    """

    def __init__(self, elements: Iterable[Any], depth: int):
        self._ahead = Ahead(iter(elements), depth) if depth else None
        self._elements = iter(self._ahead or elements)

    def __iter__(self) -> "DistributedIterator":
        return self

    def __next__(self) -> Any:
        return next(self._elements)

    def get_next(self) -> Any:
        """The next element.

        Raises:
            StopIteration: behind the last one.
        """
        return next(self)

    def __del__(self) -> None:
        if getattr(self, "_ahead", None) is not None:
            self._ahead.close()  # type: ignore[union-attr]


class DistributedDataset:
    """A dataset of global batches, each cut into a part for each replica.

    With R replicas each takes the next ceil(rows / R) rows, as long as there are any. Every `iter`
    is a pass from the first element; `model.fit`, `evaluate` and `predict` take it as well.

    Args:
        strategy: for whose replicas it is.
        dataset: of batches; read anew for each pass.
        options: how elements come to the devices.
    """

    place = "experimental_distribute_dataset"

    def __init__(self, strategy: "Strategy", dataset: Any, options: InputOptions):
        self.strategy, self.options = strategy, options
        self.dataset = _checked_dataset(self.place, dataset)
        if options.experimental_replication_mode is InputReplicationMode.PER_REPLICA:
            raise ArgumentError(
                f"{self.place}: expected InputReplicationMode.PER_WORKER, got PER_REPLICA. That is "
                "for distribute_datasets_from_function."
            )

    def __iter__(self) -> DistributedIterator:
        return DistributedIterator(
            self._elements(), self.options.experimental_per_replica_buffer_size
        )

    def _elements(self) -> Iterator[Any]:
        for element in _pass_of(self.dataset):
            batch = as_arrays(element, "a batch", self.place)
            sizes = {leaf.shape[0] for leaf in jax.tree.leaves(batch)}
            if len(sizes) != 1:
                raise DataError(
                    f"{self.place}: expected arrays of as many rows in a batch, got {sizes}."
                )
            yield jax.tree.map(self._part, batch)

    def _part(self, rows: Any) -> Any:
        """The rows as a PerReplica."""
        replicas = self.strategy.replicas
        fetch = self.options.experimental_fetch_to_device
        if replicas.count == 1:
            return replicas.broadcast(rows) if fetch else np.asarray(rows)
        if fetch and rows.shape[0] % replicas.count == 0:
            return PerReplica.of_array(
                replicas.spread(rows.reshape(replicas.count, -1, *rows.shape[1:]))
            )
        host, size = np.asarray(rows), -(-rows.shape[0] // replicas.count)
        parts = [host[number * size : (number + 1) * size] for number in replicas.local]
        if not fetch:
            return PerReplica(parts)
        return PerReplica(
            [
                jax.device_put(part, replicas.devices[number])
                for number, part in zip(replicas.local, parts, strict=True)
            ]
        )

    def for_training(self, strategy: Any, place: str) -> Any:
        """The global batches, for `fit` and its siblings; see `check_owner`."""
        check_owner(self.strategy, strategy, place)
        return self.dataset


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
        self.datasets = [_checked_dataset(self.place, function(c)) for c in self._contexts()]

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
        return DistributedIterator(map(self._grouped, self._steps()), depth)

    def _steps(self) -> Iterator[list[Any]]:
        """What the replicas of this process get, step by step, as lists of leaves."""
        replicas = self.strategy.replicas
        passes = [iter(_pass_of(dataset)) for dataset in self.datasets]
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

    def for_training(self, strategy: Any, place: str) -> Any:
        """The global batches, for `fit` and its siblings; see `check_owner`.

        Raises:
            ArgumentError: if several processes have replicas.
        """
        check_owner(self.strategy, strategy, place)
        if len(self.strategy.replicas.processes) > 1:
            raise ArgumentError(
                f"{place}: expected a dataset of global batches where several processes train, got "
                "one of distribute_datasets_from_function. Give the dataset itself, or loop over "
                "strategy.run."
            )
        return _GlobalBatches(self._steps)


class _GlobalBatches:
    """The parts of each step, joined.

    Args:
        steps: begins a pass.
    """

    def __init__(self, steps: Callable[[], Iterator[list[Any]]]):
        self._steps = steps

    def __iter__(self) -> Iterator[Any]:
        for step in self._steps():
            yield jax.tree.map(lambda *parts: np.concatenate(parts), *step)


def check_owner(own: "Strategy", of_model: Any, place: str) -> None:
    """Raises ArgumentError if a model of another strategy, or of none, is given the dataset."""
    if of_model is not own:
        raise ArgumentError(
            f"{place}: expected a model of the strategy that distributed the dataset ({own!r}), "
            f"got one of {of_model!r}. Make and compile the model within strategy.scope(), or give "
            "it the dataset as it was."
        )


def _checked_dataset(place: str, dataset: Any) -> Any:
    if isinstance(dataset, Iterator) or not is_stream(dataset):
        raise ArgumentError(
            f"{place}: expected a dataset, as nn.data.Dataset, that can be iterated again and "
            f"again, got {type(dataset).__name__}. Write "
            "nn.data.Dataset.from_tensor_slices(arrays).batch(size)."
        )
    return dataset


def _pass_of(dataset: Any) -> Iterable[Any]:
    if hasattr(dataset, "as_numpy_iterator"):
        passed: Iterable[Any] = dataset.as_numpy_iterator()
        return passed
    if hasattr(dataset, "__iter__"):
        return iter(dataset)
    return (dataset[index] for index in range(len(dataset)))


def _nothing_of(element: Any, place: str) -> Any:
    """An element of no rows."""
    if not all(np.ndim(leaf) for leaf in jax.tree.leaves(element)):
        raise DataError(
            f"{place}: expected as many elements as replicas in every step, got a rest of single "
            "numbers, of which there is no empty batch. Write batch(size), or take(steps * "
            "replicas)."
        )
    return jax.tree.map(lambda leaf: leaf[:0], element)
