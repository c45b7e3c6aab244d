"""The strategy where no scope is open: one replica, and nothing is moved or compiled."""

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from jax.sharding import Mesh

from nnlib.core.errors import ArgumentError
from nnlib.core.scope import choose_strategy, strategy_in_scope

from .devices import here
from .errors import StrategyError
from .input_context import RunOptions, check_run_options
from .replica_context import (
    LoneContext,
    ReplicaContext,
    check_call,
    current_context,
    refuse_within_run,
    within,
)
from .strategy import ROWS, Strategy


class DefaultStrategy(Strategy):
    """What `get_strategy()` gives outside of every scope; `default_strategy()` makes the one."""

    @contextlib.contextmanager
    def scope(self) -> Iterator["Strategy"]:
        """Models within it belong to no strategy, as outside of it.

        Raises:
            StrategyError: within the scope of a strategy.
        """
        if (outer := strategy_in_scope()) is not None:
            raise StrategyError(
                f"scope: expected no strategy's scope around it, got that of {outer!r}: Mixing "
                "different strategies is not possible. Leave the outer scope first."
            )
        yield self

    def run(
        self,
        fn: Callable[..., Any],
        args: Any = (),
        kwargs: Mapping[str, Any] | None = None,
        options: RunOptions | None = None,
    ) -> Any:
        """`fn(*args, **kwargs)` in the context of its only replica."""
        refuse_within_run("run", "Call the function itself.")
        check_run_options(options)
        check_call("run", fn, args, kwargs)
        with within(LoneContext(self)):
            return fn(*args, **(kwargs or {}))

    def _distributed(self, values: Sequence[Any]) -> Any:
        return values[0]


@functools.cache
def default_strategy() -> DefaultStrategy:
    """The one default strategy, on the first device."""
    return DefaultStrategy(Mesh(np.array(here()[:1]), (ROWS,)))


def get_strategy() -> Strategy:
    """The strategy whose scope is open here, or whose `run` runs this; else the default one.

    >>> import nnlib as nn
    >>> strategy = nn.distributed.MirroredStrategy()
    >>> with strategy.scope():
    ...     nn.distributed.get_strategy() is strategy
    True
    >>> nn.distributed.get_strategy().num_replicas_in_sync
    1
    """
    context = current_context()
    if context is not None:
        return context.strategy
    found: Strategy = strategy_in_scope() or default_strategy()
    return found


def has_strategy() -> bool:
    """Whether a strategy other than the default one is in charge here.

    >>> import nnlib as nn
    >>> nn.distributed.has_strategy()
    False
    """
    return get_strategy() is not default_strategy()


def experimental_set_strategy(strategy: Strategy | None) -> None:
    """As if the strategy's scope were open in all of this thread from now on.

    For notebooks and scripts that need no other strategy: within it only the scope of the same one
    may be opened. `with strategy.scope():` says more clearly what it is about.

    Args:
        strategy: None for none.

    Raises:
        StrategyError: within a scope, or in a function of `run`.
        ArgumentError: for something that is no strategy.

    >>> import nnlib as nn
    >>> strategy = nn.distributed.MirroredStrategy()
    >>> nn.distributed.experimental_set_strategy(strategy)
    >>> nn.Sequential([nn.Input((4,)), nn.layers.Dense(2)]).distribute_strategy is strategy
    True
    >>> nn.distributed.experimental_set_strategy(None)

    Source: the name and its limits are those of `tf.distribute.experimental_set_strategy`.
    """
    refuse_within_run("experimental_set_strategy", "Call it before run().")
    if strategy is not None and not isinstance(strategy, Strategy):
        raise ArgumentError(
            f"experimental_set_strategy: expected a strategy or None, got {strategy!r}."
        )
    if not choose_strategy(strategy):
        raise StrategyError(
            "experimental_set_strategy: expected a call outside of scope(), got one within that of "
            f"{strategy_in_scope()!r}. Leave the scope first."
        )


def get_replica_context() -> ReplicaContext | None:
    """The replica that runs this: within `strategy.run`, and outside of every scope.

    Returns:
        None where all replicas are seen at once: in a scope, outside of `run`.

    >>> import nnlib as nn
    >>> nn.distributed.get_replica_context().num_replicas_in_sync
    1
    """
    context = current_context()
    if context is None and strategy_in_scope() is None:
        return LoneContext(default_strategy())
    return context


def in_cross_replica_context() -> bool:
    """Whether all replicas are seen at once: in a scope, outside of `run`.

    >>> import nnlib as nn
    >>> with nn.distributed.MirroredStrategy().scope():
    ...     nn.distributed.in_cross_replica_context()
    True
    """
    return get_replica_context() is None
