"""Datasets whose elements are a PerReplica for each array."""

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from nnlib.core.errors import ArgumentError, DataError
from nnlib.data.spec import TensorSpec
from nnlib.training.data import as_arrays
from nnlib.training.stream import Ahead, is_stream

from .input_context import InputOptions, InputReplicationMode
from .values import PerReplica

if TYPE_CHECKING:
    from .strategy import Strategy


class DistributedIterator:
    """One way through a distributed dataset.

    Args:
        elements: what it gives.
        depth: how many of them are made ready ahead of time, by a thread; 0 for no thread.
        spec: tells `element_spec`.
    """

    def __init__(self, elements: Iterable[Any], depth: int, spec: Callable[[], Any]):
        self._spec = spec
        self._ahead = Ahead(iter(elements), depth) if depth else None
        self._elements = iter(self._ahead or elements)

    def __iter__(self) -> "DistributedIterator":
        return self

    def __next__(self) -> Any:
        return next(self._elements)

    @property
    def element_spec(self) -> Any:
        """That of its dataset."""
        return self._spec()

    def get_next(self) -> Any:
        """The next element.

        Raises:
            StopIteration: behind the last one.
        """
        return next(self)

    def get_next_as_optional(self) -> "OptionalElement":
        """The next element if there is one, for loops that ask before they take it.

        Returns:
            An OptionalElement.

        >>> import nnlib as nn
        >>> strategy = nn.distributed.MirroredStrategy(["cpu:0"])
        >>> dataset = nn.data.Dataset.range(2).batch(2)
        >>> batches = iter(strategy.experimental_distribute_dataset(dataset))
        >>> [batches.get_next_as_optional().has_value() for _ in range(2)]
        [True, False]
        """
        return OptionalElement(list(itertools.islice(self, 1)))

    def __del__(self) -> None:
        if getattr(self, "_ahead", None) is not None:
            self._ahead.close()  # type: ignore[union-attr]


class OptionalElement:
    """An element, or the end; see `DistributedIterator.get_next_as_optional`.

    Args:
        elements: one, or none.
    """

    def __init__(self, elements: list[Any]):
        self._elements = elements

    def has_value(self) -> bool:
        """Whether there is an element."""
        return bool(self._elements)

    def get_value(self) -> Any:
        """The element.

        Raises:
            DataError: behind the last one.
        """
        if not self._elements:
            raise DataError("get_value: expected an element, got the end. Ask has_value() first.")
        return self._elements[0]


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
        self.dataset = checked_dataset(self.place, dataset)
        if options.experimental_replication_mode is InputReplicationMode.PER_REPLICA:
            raise ArgumentError(
                f"{self.place}: expected InputReplicationMode.PER_WORKER, got PER_REPLICA. That is "
                "for distribute_datasets_from_function."
            )

    def __iter__(self) -> DistributedIterator:
        depth = self.options.experimental_per_replica_buffer_size
        return DistributedIterator(self._elements(), depth, lambda: self.element_spec)

    @property
    def element_spec(self) -> Any:
        """A TensorSpec for each array of an element, as a PerReplica where there are several.

        The rows are None where batches may have different numbers of them.

        Returns:
            TensorSpecs, or PerReplica of them, in the structure of an element.

        Raises:
            ArgumentError: for a dataset that does not tell what its elements are.

        >>> import nnlib as nn
        >>> strategy = nn.distributed.MirroredStrategy(["cpu:0"])
        >>> dataset = strategy.experimental_distribute_dataset(nn.data.Dataset.range(4).batch(2))
        >>> dataset.element_spec.shape
        (None,)
        """
        count = self.strategy.num_replicas_in_sync
        return spec_for_replicas(
            self.place,
            self.dataset,
            self.strategy,
            self.options.experimental_fetch_to_device,
            lambda rows: None if rows % count else rows // count,
        )

    def _elements(self) -> Iterator[Any]:
        for element in pass_of(self.dataset):
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
        size = -(-rows.shape[0] // replicas.count)
        if fetch and rows.shape[0] == size * replicas.count:
            return PerReplica.of_array(
                replicas.spread(rows.reshape(replicas.count, size, *rows.shape[1:]))
            )
        host = np.asarray(rows)
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


def spec_for_replicas(
    place: str,
    dataset: Any,
    strategy: "Strategy",
    fetched: bool,
    rows: Callable[[int], int | None],
) -> Any:
    """The specs of the elements of a dataset that is cut over the replicas of this process.

    Args:
        place: for the error.
        dataset: of batches.
        strategy: for whose replicas it is.
        fetched: whether elements are on the devices.
        rows: how many a replica gets of so many in a batch; None if that differs.
    """
    if not hasattr(dataset, "element_spec"):
        raise ArgumentError(
            f"{place}: expected an nn.data.Dataset for element_spec, got {type(dataset).__name__}, "
            "which does not tell what its elements are. Look at next(iter(dataset))."
        )

    def cut(spec: Any) -> Any:
        shape, dtype = spec.shape, spec.dtype
        if fetched:  # JAX has 32 bits unless it is told otherwise
            dtype = jax.dtypes.canonicalize_dtype(dtype)
        if strategy.num_replicas_in_sync == 1:
            return TensorSpec(shape, dtype, spec.name)
        if shape and shape[0] is not None:
            shape = (rows(shape[0]), *shape[1:])
        part = TensorSpec(shape, dtype, spec.name)
        return PerReplica([part] * len(strategy.replicas.local))

    return jax.tree.map(cut, dataset.element_spec)


def check_owner(own: "Strategy", of_model: Any, place: str) -> None:
    """Raises ArgumentError if a model of another strategy, or of none, is given the dataset."""
    if of_model is not own:
        raise ArgumentError(
            f"{place}: expected a model of the strategy that distributed the dataset ({own!r}), "
            f"got one of {of_model!r}. Make and compile the model within strategy.scope(), or give "
            "it the dataset as it was."
        )


def checked_dataset(place: str, dataset: Any) -> Any:
    """The dataset.

    Raises:
        ArgumentError: if it is none, or can be walked through only once.
    """
    if isinstance(dataset, Iterator) or not is_stream(dataset):
        raise ArgumentError(
            f"{place}: expected a dataset, as nn.data.Dataset, that can be iterated again and "
            f"again, got {type(dataset).__name__}. Write "
            "nn.data.Dataset.from_tensor_slices(arrays).batch(size)."
        )
    return dataset


def pass_of(dataset: Any) -> Iterable[Any]:
    """A new pass through a dataset of any library."""
    if hasattr(dataset, "as_numpy_iterator"):
        passed: Iterable[Any] = dataset.as_numpy_iterator()
        return passed
    if hasattr(dataset, "__iter__"):
        return iter(dataset)
    return (dataset[index] for index in range(len(dataset)))
