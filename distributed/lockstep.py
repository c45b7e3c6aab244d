"""Functions of `strategy.run` on arguments of different shapes, which exchange values.

No compiled program holds shapes that differ from replica to replica. Each replica is run as Python
runs it then, in a thread of its own, and they meet wherever they exchange something.
"""

import contextvars
import threading
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AbstractMesh, AxisType, use_abstract_mesh

from .errors import StrategyError
from .reduce_op import ReduceOp
from .reduction import gathered, reduced
from .replica_context import ReplicaContext, UnevenContext, axis_of, uneven, within
from .replicas import Replicas
from .values import PerReplica

if TYPE_CHECKING:
    from .strategy import Strategy

LOCKSTEP = "replica_in_lockstep"
"""The axis of a mesh under which nothing else is compiled."""
Combine = Callable[[list[Any]], list[Any]]
"""From the values of the replicas of this process to what each of them gets."""


class Meeting:
    """Where the replicas of this process wait for each other and exchange values.

    Args:
        replicas: those of this process come each from a thread of its own.
        threads: with one more, which sees no mesh but that of the strategy.
    """

    def __init__(self, replicas: Replicas, threads: ThreadPoolExecutor):
        self._replicas, self._threads = replicas, threads
        self._given: list[Any] = [None] * len(replicas.local)
        self._results: list[Any] = []
        self._barrier = threading.Barrier(len(replicas.local), self._combine)

    def exchange(self, place: int, what: str, combine: Combine, value: Any) -> Any:
        """What a replica gets for its value, once all are here.

        Args:
            place: of the replica among those of this process.
            what: it comes for, with all that has to agree.
            combine: what makes the results of the values.
            value: of this replica.

        Raises:
            StrategyError: if they come for different things.
            threading.BrokenBarrierError: if another has failed.
        """
        self._given[place] = what, combine, value
        self._barrier.wait()
        return self._results[place]

    def fail(self) -> None:
        """Nobody needs to wait any more."""
        self._barrier.abort()

    def _combine(self) -> None:
        reasons = sorted({what for what, *_ in self._given})
        if len(reasons) > 1:
            raise _apart(*reasons)
        self._results = self._threads.submit(self._combined).result()

    def _combined(self) -> list[Any]:
        what, combine, _ = self._given[0]
        codes = np.full((len(self._given), 1), zlib.crc32(what.encode()))
        if np.ptp(self._replicas.exchange(codes)):
            raise _apart(what, "something else in another process")
        return combine([value for *_, value in self._given])


def _apart(*reasons: str) -> StrategyError:
    return StrategyError(
        "run: expected all replicas to exchange the same in one order, got "
        f"{' and '.join(reasons)} at once. Do not let it depend on the rows of a replica."
    )


class LockstepContext(UnevenContext):
    """That of a replica in a thread of its own, which meets the others.

    Args:
        strategy: that runs the function.
        place: of the replica among those of this process.
        meeting: where it exchanges values with the others.
    """

    def __init__(self, strategy: "Strategy", place: int, meeting: Meeting):
        super().__init__(strategy, jnp.int32(strategy.replicas.local[place]))
        self._place, self._meeting = place, meeting

    def _reduced(self, op: ReduceOp, tree: Any) -> Any:
        if op is ReduceOp.SUM:
            return jax.tree.map_with_path(self._sum, tree)
        return ReplicaContext._reduced(self, op, tree)

    def _sum(self, path: Any, array: jax.Array) -> jax.Array:
        what = f"all_reduce of {array.dtype}{list(array.shape)}{jax.tree_util.keystr(path)}"

        @jax.custom_vjp
        def total(array: Any) -> Any:
            return self._exchanged(what, self._summed, array)

        total.defvjp(lambda array: (total(array), None), lambda _, grad: (total(grad),))
        return total(array)

    def _gathered(self, array: jax.Array, axis: int) -> jax.Array:
        number, length = axis_of("all_gather", axis, array.ndim), array.shape[axis]
        shape = [size if axis != number else -1 for axis, size in enumerate(array.shape)]
        what = f"all_gather of {array.dtype}{shape} along axis {number}"

        @jax.custom_vjp
        def joined(array: Any) -> Any:
            return self._exchanged(what, lambda parts: self._joined(number, parts), array)

        def back(_: Any, grad: Any) -> tuple[Any]:
            start = self._exchanged(f"gradient of {what}", self._starts, length)
            return (jax.lax.dynamic_slice_in_dim(self._sum((), grad), start, length, number),)

        joined.defvjp(lambda array: (joined(array), None), back)
        return joined(array)

    def _exchanged(self, what: str, combine: Combine, value: Any) -> Any:
        if isinstance(value, jax.core.Tracer):
            raise uneven(f"{what} in a part that is compiled")
        return self._meeting.exchange(self._place, what, combine, value)

    # What all replicas get -----------------------------------------------------------------------

    def _summed(self, parts: list[Any]) -> list[Any]:
        if parts[0].dtype == jax.dtypes.float0:  # of integers, which have no gradient
            return parts
        return self._for_all(reduced(self.strategy, ReduceOp.SUM, None, PerReplica(parts)))

    def _joined(self, axis: int, parts: list[Any]) -> list[Any]:
        return self._for_all(gathered(self.strategy, axis, PerReplica(parts)))

    def _starts(self, lengths: list[int]) -> list[Any]:
        replicas = self.strategy.replicas
        ends = np.cumsum(replicas.exchange(np.array(lengths)[:, None])[:, 0])
        return [int(ends[number]) - lengths[i] for i, number in enumerate(replicas.local)]

    def _for_all(self, array: jax.Array) -> list[Any]:
        return [array.addressable_data(0)] * len(self.strategy.replicas.local)


def in_lockstep(
    strategy: "Strategy", function: Callable[..., Any], calls: Sequence[tuple[Any, Any]]
) -> list[Any]:
    """What a function returns for each replica of this process.

    Args:
        strategy: whose replicas they are.
        function: uncompiled; as `all_reduce` and `all_gather` take no part of it that is compiled.
        calls: arguments and named arguments of each, all on one device.
    """
    count = len(calls)
    # What is compiled within must not meet what it was compiled to elsewhere.
    elsewhere = AbstractMesh((1,), (LOCKSTEP,), axis_types=(AxisType.Auto,))

    def run(place: int) -> Any:
        args, kwargs = calls[place]
        try:
            with within(LockstepContext(strategy, place, meeting)), use_abstract_mesh(elsewhere):
                result = function(*args, **kwargs)
            return meeting.exchange(place, "its end", list, result)
        except BaseException:
            meeting.fail()
            raise

    with ThreadPoolExecutor(count + 1) as threads:
        meeting = Meeting(strategy.replicas, threads)
        own = [contextvars.copy_context() for _ in calls]
        started = [threads.submit(own[place].run, run, place) for place in range(count)]
        errors = [error for one in started if (error := one.exception()) is not None]
    for error in sorted(errors, key=lambda error: isinstance(error, threading.BrokenBarrierError)):
        raise error
    return [one.result() for one in started]
