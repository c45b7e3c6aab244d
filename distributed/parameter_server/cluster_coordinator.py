"""ClusterCoordinator: functions that workers run at their own pace."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax

from nnlib.core.errors import ArgumentError

from ..errors import StrategyError
from .dispatcher import Call
from .engine import dumped
from .parcel import packed
from .worker import PlaceOf, Shipped

if TYPE_CHECKING:
    from .strategy import ParameterServerStrategy


class RemoteValue:
    """What a function that was scheduled will return.

    Args:
        call: of the function.
        strategy: whose workers run it, as long as somebody wants this value.
    """

    def __init__(self, call: Call, strategy: "ParameterServerStrategy"):
        self._call, self._strategy = call, strategy

    def fetch(self, timeout: float | None = None) -> Any:
        """Wait for the result; arrays are those of NumPy.

        Args:
            timeout: seconds to wait at most; None for as long as it takes.

        Raises:
            Exception: what the function raised.
            StrategyError: if it was cancelled, or is not there in time.
        """
        if not self._call.finished.wait(timeout):
            raise StrategyError(f"RemoteValue: expected a result within {timeout} s, got none.")
        if self._call.error is not None:
            raise self._call.error
        return self._call.value

    def finished(self) -> bool:
        """Whether the function has come to its end."""
        return self._call.finished.is_set()

    get = fetch


@dataclass(frozen=True)
class PerWorker:
    """Something that each worker has one of: an argument of functions that are scheduled."""

    shipped: Shipped

    def __iter__(self) -> Any:
        raise TypeError("PerWorker: expected iter() of a dataset of create_per_worker_dataset.")


class PerWorkerDataset(PerWorker):
    """A dataset on each worker; `iter` of it is what functions take from with `next`."""

    def __iter__(self) -> "PerWorkerIterator":
        key = f"{self.shipped.key}-{uuid.uuid4().hex}"
        return PerWorkerIterator(Shipped(key, "iterator", self.shipped.ref))


class PerWorkerIterator(PerWorker):
    """An iterator on each worker. One whose process died begins anew in the next process."""

    def __iter__(self) -> "PerWorkerIterator":
        return self

    def __next__(self) -> Any:
        raise StrategyError(
            "create_per_worker_dataset: expected next(iterator) in a function that is scheduled, "
            "got it on the coordinator. Pass the iterator in args of schedule()."
        )


class ClusterCoordinator:
    """Schedules functions on the workers of a ParameterServerStrategy.

    A function is run **at least once**: if the process of a worker dies, what it had not returned
    is run again by another one, and what it did before it died is not undone. Updates under a
    name of their own (`Parameters.push(..., update=name)`) are applied once all the same.
    Coordinators of one strategy share its workers.

    Args:
        strategy: the ParameterServerStrategy.

    Raises:
        ArgumentError: for another strategy.
        MissingExtraError: without Ray: `pip install 'nnlib[ray]'`.

    Example::

        strategy = nn.distributed.ParameterServerStrategy()
        coordinator = nn.distributed.ClusterCoordinator(strategy)
        weights = strategy.create_parameters({"w": np.zeros(3)}, "sgd")

        def step(iterator):
            x, y = next(iterator)
            loss, gradients = value_and_grad(weights.pull(), x, y)
            weights.push(gradients)
            return loss

        batches = iter(coordinator.create_per_worker_dataset(make_dataset))
        losses = [coordinator.schedule(step, args=(batches,)) for _ in range(100)]
        coordinator.join()
        print(coordinator.fetch(losses))

    Source: Dean et al., "Large Scale Distributed Deep Networks", 2012.
    """

    def __init__(self, strategy: "ParameterServerStrategy"):
        if not hasattr(strategy, "cluster"):
            raise ArgumentError(
                f"ClusterCoordinator: expected a ParameterServerStrategy, got {strategy!r}."
            )
        self.strategy = strategy
        self._shipped = strategy.shipped

    def schedule(
        self,
        fn: Callable[..., Any],
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
    ) -> RemoteValue:
        """Let a worker run `fn(*args, **kwargs)`; comes back at once.

        Args:
            fn: a function of Python, jitted within if it is to be fast. It is pickled when it is
                scheduled first: give what changes in `args`.
            args: arrays, Parameters, and what `create_per_worker_*` returned. Up to 4 MB they are
                taken as they are now; do not write to larger ones before the function has run.
            kwargs: likewise, by name.

        Returns:
            A RemoteValue.

        Raises:
            Exception: what an earlier function raised; those that waited are cancelled then.
        """
        if not callable(fn):
            raise ArgumentError(f"schedule: expected a function, got {fn!r}.")
        given = (tuple(args or ()), dict(kwargs or {}))
        shipped = [self._ship(fn)]
        call = Call((shipped, *packed(_on_worker(given, shipped))))
        return RemoteValue(self.strategy.cluster().send(call), self.strategy)

    def join(self) -> None:
        """Wait for all functions that were scheduled; raises what one of them raised."""
        self.strategy.cluster().join()

    def done(self) -> bool:
        """Whether all functions that were scheduled have come to their end."""
        return self.strategy.cluster().done()

    def fetch(self, val: Any) -> Any:
        """The results in place of all RemoteValues in a nest of lists, tuples and dicts."""
        return jax.tree.map(
            lambda a: a.fetch() if isinstance(a, RemoteValue) else a,
            val,
            is_leaf=lambda a: isinstance(a, RemoteValue),
        )

    def create_per_worker_dataset(self, dataset_fn: Callable[[], Any]) -> PerWorkerDataset:
        """A dataset on each worker, made there.

        Workers that read the same files should shuffle them differently: `dataset_fn` is the same
        for all. It is called again in the next process of a worker that died.

        Args:
            dataset_fn: returns something to iterate over.
        """
        return PerWorkerDataset(self._made_by("create_per_worker_dataset", dataset_fn))

    def create_per_worker_resource(self, resource_fn: Callable[[], Any]) -> PerWorker:
        """Anything on each worker, made there: a table, a connection, a compiled function.

        Args:
            resource_fn: returns it; it is called again in the next process of a worker that died.
        """
        return PerWorker(self._made_by("create_per_worker_resource", resource_fn))

    def _made_by(self, place: str, function: Any) -> Shipped:
        if not callable(function):
            raise ArgumentError(
                f"{place}: expected a function that makes it on a worker, got {function!r}. "
                "Write `lambda: ...` around what makes it."
            )
        shipped = self._ship(function)
        return Shipped(shipped.key, "resource", shipped.ref)

    def _ship(self, function: Any) -> Shipped:
        """A function on its way to workers; pickled once."""
        try:
            known = self._shipped.get(function)
        except TypeError:  # it cannot be looked up
            return self._put(function)
        if known is None:
            known = self._shipped[function] = self._put(function)
        return known

    def _put(self, function: Any) -> Shipped:
        self.strategy.cluster()
        return Shipped(uuid.uuid4().hex, "function", [self.strategy.ray.put(dumped(function))])


def _on_worker(tree: Any, shipped: list[Shipped]) -> Any:
    """The arguments as they travel; what travels by itself is added to `shipped`."""

    def argument(value: Any) -> Any:
        if isinstance(value, RemoteValue):
            raise ArgumentError(
                "schedule: expected arguments that are there, got a RemoteValue. "
                "Pass coordinator.fetch(value)."
            )
        if isinstance(value, PerWorker):
            shipped.append(value.shipped)
            return PlaceOf(len(shipped) - 2)  # the first is the function
        return jax.device_get(value) if isinstance(value, jax.Array) else value

    return jax.tree.map(argument, tree, is_leaf=lambda a: isinstance(a, RemoteValue | PerWorker))
