"""ReplicaContext: what a function that `strategy.run` runs knows about its replica."""

import contextlib
import contextvars
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from nnlib.core.errors import ArgumentError, DTypeError
from nnlib.core.scope import mapped_over, strategy_scope

from .communication_options import CommunicationOptions
from .errors import StrategyError
from .reduce_op import ReduceOp, as_reduce_op
from .replicas import ROWS

if TYPE_CHECKING:
    from .strategy import Strategy

_context: contextvars.ContextVar[Any] = contextvars.ContextVar("nnlib_replica", default=None)


class ReplicaContext:
    """A replica and its way to the others; `get_replica_context()` within `strategy.run`.

    The function is compiled once for all replicas, so the number of the replica is an array:
    choose by `jnp.where`, not by `if`.

    Args:
        strategy: that runs the function.

    >>> import nnlib as nn, jax.numpy as jnp
    >>> strategy = nn.distributed.MirroredStrategy()
    >>> def ones():
    ...     return nn.distributed.get_replica_context().all_reduce("SUM", jnp.ones(()))
    >>> total = strategy.run(ones)
    >>> float(strategy.experimental_local_results(total)[0]) == strategy.num_replicas_in_sync
    True
    """

    def __init__(self, strategy: "Strategy"):
        self.strategy = strategy

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.strategy!r})"

    @property
    def num_replicas_in_sync(self) -> int:
        """How many replicas there are."""
        return self.strategy.num_replicas_in_sync

    @property
    def replica_id_in_sync_group(self) -> jax.Array:
        """The number of this replica: an int32 from 0."""
        return jax.lax.axis_index(ROWS)

    def all_reduce(self, reduce_op: Any, value: Any, options: Any = None) -> Any:
        """The sum or mean over all replicas, on each of them; gradients flow through it.

        Its gradient is the `all_reduce` of the gradients: `grad` of a loss that was summed over N
        replicas is N times that of the replica's part.

        Args:
            reduce_op: ReduceOp.SUM or MEAN, or its name.
            value: an array, or a tree of them.
            options: CommunicationOptions; warns of those that XLA decides by itself.

        Raises:
            ArgumentError: for another reduction.
        """
        op = as_reduce_op("all_reduce", reduce_op)
        self._check(options, "all_reduce")
        return self._reduced(op, jax.tree.map(lambda leaf: summable("all_reduce", leaf), value))

    def all_gather(self, value: Any, axis: int, options: Any = None) -> Any:
        """The values of all replicas, one behind the other along an axis, on each of them.

        Args:
            value: an array, or a tree of them, of one shape on all replicas but along the axis.
            axis: along which they are joined; may be negative.
            options: CommunicationOptions; warns of those that XLA decides by itself.

        Raises:
            ArgumentError: for an axis that the value does not have.
        """
        self._check(options, "all_gather")
        return jax.tree.map(lambda leaf: self._gathered(jnp.asarray(leaf), axis), value)

    def merge_call(
        self, merge_fn: Callable[..., Any], args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """`merge_fn(strategy, *args, **kwargs)` where all replicas are seen at once.

        That is possible with one replica. Several are one program, in which none sees all values:
        what `merge_fn` would reduce or gather, each replica gets by `all_reduce` or `all_gather`.

        Args:
            merge_fn: called outside of any replica, as in the scope of the strategy.
            args: its arguments behind the strategy.
            kwargs: more of them, by name.

        Returns:
            What it returns.

        Raises:
            StrategyError: with several replicas.
            ArgumentError: for what is no function with arguments.

        >>> import nnlib as nn
        >>> nn.distributed.get_replica_context().merge_call(lambda strategy, x: 2 * x, args=(3,))
        6
        """
        raise StrategyError(
            "merge_call: expected one replica, got "
            f"{self.num_replicas_in_sync}, which are one compiled program. Write "
            "context.all_reduce(op, value) or context.all_gather(value, axis) in place of "
            "strategy.reduce and strategy.gather in merge_fn, or return the values from run() and "
            "merge them behind it."
        )

    def _check(self, options: Any, place: str) -> None:
        if options is None:
            return
        if not isinstance(options, CommunicationOptions):
            raise ArgumentError(f"{place}: expected CommunicationOptions, got {options!r}.")
        options.warn_of_no_effect(place)

    def _reduced(self, op: ReduceOp, tree: Any) -> Any:
        """The arrays of the tree combined with those of the other replicas."""
        count = self.num_replicas_in_sync
        if op is ReduceOp.SUM:
            return self.strategy.cross_device_ops.sum_over(tree, ROWS, count)
        total = self._reduced(ReduceOp.SUM, jax.tree.map(floating, tree))
        return jax.tree.map(lambda array: array / count, total)

    def _gathered(self, array: jax.Array, axis: int) -> jax.Array:
        """The array joined with those of the other replicas."""
        number = axis_of("all_gather", axis, array.ndim)
        return jax.lax.all_gather(array, ROWS, axis=number, tiled=True)


class LoneContext(ReplicaContext):
    """That of the only replica: whatever it would exchange with others is its own."""

    @property
    def replica_id_in_sync_group(self) -> jax.Array:
        """See `ReplicaContext`: 0."""
        return jnp.zeros((), jnp.int32)

    def merge_call(
        self, merge_fn: Callable[..., Any], args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """See `ReplicaContext`."""
        check_call("merge_call", merge_fn, args, kwargs)
        token = _context.set(None)
        try:
            with strategy_scope(self.strategy):
                return merge_fn(self.strategy, *args, **(kwargs or {}))
        finally:
            _context.reset(token)

    def _reduced(self, op: ReduceOp, tree: Any) -> Any:
        return tree

    def _gathered(self, array: jax.Array, axis: int) -> jax.Array:
        return array


class NeedsOthersError(BaseException):
    """A replica that runs by itself came to something that it needs the others for.

    No function of a user may take it for an error of its own and go on without the others.
    """


class UnevenContext(ReplicaContext):
    """That of a replica which runs by itself, since its arguments have a shape of their own.

    Args:
        strategy: that runs the function.
        number: of the replica.
    """

    def __init__(self, strategy: "Strategy", number: jax.Array):
        super().__init__(strategy)
        self._number = number

    @property
    def replica_id_in_sync_group(self) -> jax.Array:
        """See `ReplicaContext`."""
        return self._number

    def _reduced(self, op: ReduceOp, tree: Any) -> Any:
        raise NeedsOthersError

    def _gathered(self, array: jax.Array, axis: int) -> jax.Array:
        raise NeedsOthersError


def uneven(what: str) -> StrategyError:
    """The error of a collective that replicas with different programs cannot run."""
    return StrategyError(
        f"run: expected arguments of one shape on all replicas for a function with {what}, got "
        "PerReplica values of different shapes, as of a short last batch. Write "
        "get_replica_context().all_reduce(...) outside of what jax.jit compiles, or "
        "batch(size, drop_remainder=True) with a size that the replicas divide; model.fit takes "
        "any batch."
    )


def current_context() -> ReplicaContext | None:
    """The context of the function that `run` is tracing here."""
    return _context.get()


@contextlib.contextmanager
def within(context: ReplicaContext) -> Iterator[None]:
    """Within the block, a function of `run` is traced."""
    token = _context.set(context)
    try:
        with mapped_over(ROWS if context.num_replicas_in_sync > 1 else None):
            yield
    finally:
        _context.reset(token)


def refuse_within_run(place: str, instead: str) -> None:
    """Raises StrategyError in a function of `run`."""
    if current_context() is not None:
        raise StrategyError(
            f"{place}: expected a call outside of the function that run() runs (cross-replica "
            f"context), got one within it. {instead}"
        )


def check_call(place: str, fn: Any, args: Any, kwargs: Any) -> None:
    """Raises ArgumentError for what is no function with arguments."""
    if not callable(fn):
        raise ArgumentError(f"{place}: expected a function, got {fn!r}.")
    if not isinstance(args, tuple | list):
        raise ArgumentError(
            f"{place}: expected args to be a tuple of arguments, got {type(args).__name__}. "
            f"Write {place}(fn, args=(value,))."
        )
    if kwargs is not None and not isinstance(kwargs, Mapping):
        raise ArgumentError(f"{place}: expected kwargs to be a dict, got {type(kwargs).__name__}.")


def summable(place: str, value: Any) -> jax.Array:
    """An array of numbers.

    Raises:
        DTypeError: for truth values and keys, which have no sum.
    """
    array = jnp.asarray(value)
    if not jnp.issubdtype(array.dtype, jnp.number):
        raise DTypeError(
            f"{place}: expected numbers, got dtype {array.dtype}. Truth values are counted as "
            "value.astype('int32')."
        )
    return array


def floating(array: jax.Array) -> jax.Array:
    """The array, integers as floats: a mean is one."""
    inexact = jnp.issubdtype(array.dtype, jnp.inexact)
    return array if inexact else array.astype(jnp.promote_types(array.dtype, jnp.float32))


def axis_of(place: str, axis: Any, ndim: int) -> int:
    """The axis, counted from the front.

    Raises:
        ArgumentError: if there is none of this number.
    """
    if isinstance(axis, bool) or not isinstance(axis, int) or not -ndim <= axis < ndim:
        raise ArgumentError(
            f"{place}: expected an axis of an array of {ndim} axes, as an int, got {axis!r}."
        )
    return axis % ndim
