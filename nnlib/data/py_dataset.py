"""PyDataset: batches by number, made by workers while a model trains."""

import itertools
import multiprocessing
import pickle
import random
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any, Self

import numpy as np

from nnlib.core.errors import ArgumentError, DataError
from nnlib.data import checks


class PyDataset:
    """Batches that Python code makes; write `__getitem__` and `__len__`.

    Args:
        workers: how many batches `fit` has made at once, in threads or processes; 0 or 1 thread
            means in the main thread, one after the other.
        use_multiprocessing: processes instead of threads. They are spawned: the object must be
            picklable, its class importable, and a script needs `if __name__ == "__main__"`.
        max_queue_size: finished batches that may wait.

    `__getitem__(index)` returns a batch: x, (x, y), (x, y, sample_weight) or a dict of inputs.
    `__len__` is the number of batches; a property `num_batches` that returns None instead makes it
    infinite. `on_epoch_begin` and `on_epoch_end` may be overridden, to shuffle rows for instance.

    Raises:
        ArgumentError: for negative workers, or a queue without room.

    >>> import nnlib as nn, numpy as np
    >>> class Pairs(nn.utils.PyDataset):
    ...     def __len__(self):
    ...         return 2
    ...     def __getitem__(self, index):
    ...         return np.full((4, 1), index), np.zeros(4)
    >>> [x.shape for x, y in Pairs()]
    [(4, 1), (4, 1)]
    """

    # At the class, so that a subclass that does not call super().__init__() has them too.
    workers: int = 1
    use_multiprocessing: bool = False
    max_queue_size: int = 10

    def __init__(
        self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10
    ):
        self.workers = checks.integer("PyDataset", "workers", workers, least=0)
        self.use_multiprocessing = bool(use_multiprocessing)
        self.max_queue_size = checks.integer("PyDataset", "max_queue_size", max_queue_size, 1)

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError(
            f"{type(self).__name__}: expected a method __getitem__(self, index) that returns a "
            "batch, got none."
        )

    def __iter__(self) -> Iterator[Any]:
        """The batches in order, made one by one."""
        return (self[index] for index in _all(self.num_batches))

    @property
    def num_batches(self) -> int | None:
        """The number of batches; None for without end."""
        if not hasattr(self, "__len__"):
            raise NotImplementedError(
                f"{type(self).__name__}: expected a method __len__ or a property num_batches, got "
                "neither."
            )
        return len(self)

    def on_epoch_begin(self) -> None:
        """Called before the first batch of an epoch."""

    def on_epoch_end(self) -> None:
        """Called after the last batch of an epoch."""


def _all(count: int | None) -> Iterable[int]:
    return itertools.count() if count is None else range(count)


class PyDatasetFeed:
    """Walks through a PyDataset epoch by epoch, with its workers.

    Args:
        dataset: the PyDataset.
        shuffle: whether batches come in random order, a new one each epoch. One without end keeps
            its order and goes on where the last epoch stopped.

    Use it in a `with`, or `close` it: processes stay for the next epoch.

    >>> import nnlib as nn
    >>> class Squares(nn.utils.PyDataset):
    ...     def __len__(self):
    ...         return 3
    ...     def __getitem__(self, index):
    ...         return index * index
    >>> with nn.data.PyDatasetFeed(Squares(workers=2)) as feed:
    ...     [x for x, in feed.epoch()]
    [0, 1, 4]
    """

    def __init__(self, dataset: PyDataset, shuffle: bool = False):
        self.dataset, self.shuffle = dataset, shuffle
        self._endless = itertools.count()
        self._pool: ProcessPoolExecutor | None = None
        self._sent = b""

    def epoch(self) -> Iterator[tuple[Any, ...] | Mapping[str, Any]]:
        """The batches of one epoch as tuples (or dicts), between on_epoch_begin and on_epoch_end.

        Raises:
            DataError: for a batch that is no tuple of one to three parts.
        """
        dataset = self.dataset
        dataset.on_epoch_begin()
        try:
            for batch in self._made(self._indices()):
                yield _checked(batch, type(dataset).__name__)
        finally:
            dataset.on_epoch_end()

    def _indices(self) -> Iterator[int]:
        count = self.dataset.num_batches
        if count is None:
            return self._endless
        order = list(range(count))
        if self.shuffle:
            random.shuffle(order)
        return iter(order)

    def _made(self, indices: Iterator[int]) -> Iterator[Any]:
        dataset = self.dataset
        if dataset.use_multiprocessing and dataset.workers > 0:
            return _ahead(self._processes(), _batch_in_process, indices, dataset.max_queue_size)
        if dataset.workers > 1:
            return self._in_threads(indices)
        return (dataset[index] for index in indices)

    def _in_threads(self, indices: Iterator[int]) -> Iterator[Any]:
        pool = ThreadPoolExecutor(self.dataset.workers, thread_name_prefix="nnlib-batch")
        size = max(self.dataset.max_queue_size, self.dataset.workers)
        try:
            yield from _ahead(pool, self.dataset.__getitem__, indices, size)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _processes(self) -> Executor:
        """Processes that hold the dataset as it is now; new ones only if it has changed."""
        try:
            packed = pickle.dumps(self.dataset)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise ArgumentError(
                f"{type(self.dataset).__name__}: expected something picklable for "
                f"use_multiprocessing=True, got {error}. Define its class at the top of a module, "
                "or use threads: use_multiprocessing=False."
            ) from error
        if self._pool is None or packed != self._sent:
            self.close()
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(
                self.dataset.workers, context, initializer=_receive, initargs=(packed,)
            )
            self._sent = packed
        return self._pool

    def close(self) -> None:
        """End the processes."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _ahead(
    pool: Executor, make: Callable[[int], Any], indices: Iterator[int], size: int
) -> Iterator[Any]:
    """The batches in order, up to `size` of them in the making or waiting."""
    waiting: deque[Future] = deque()
    try:
        for index in itertools.islice(indices, size):
            waiting.append(pool.submit(make, index))
        while waiting:
            batch = waiting.popleft().result()
            for index in itertools.islice(indices, 1):
                waiting.append(pool.submit(make, index))
            yield batch
    finally:
        for future in waiting:
            future.cancel()


def _checked(batch: Any, place: str) -> tuple[Any, ...] | Mapping[str, Any]:
    """A batch as Keras reads it: a dict, or a tuple of x, y and sample_weight."""
    if isinstance(batch, Mapping):
        return batch
    if isinstance(batch, np.ndarray | np.generic | int | float) or hasattr(batch, "shape"):
        return (batch,)
    batch = tuple(batch) if isinstance(batch, list) else batch
    if not isinstance(batch, tuple) or not 1 <= len(batch) <= 3:
        got = f"{len(batch)} parts" if isinstance(batch, tuple) else type(batch).__name__
        raise DataError(
            f"{place}: expected __getitem__ to return a dict, x, (x,), (x, y) or "
            f"(x, y, sample_weight), got {got}."
        )
    return batch


_received: PyDataset | None = None


def _receive(packed: bytes) -> None:
    """In a worker process: take the dataset."""
    global _received  # noqa: PLW0603 - one dataset a process
    _received = pickle.loads(packed)


def _batch_in_process(index: int) -> Any:
    assert _received is not None
    return _received[index]
