"""Which strategy is in charge where a model is made, and into how many parts a step is cut.

The strategies themselves are in `nnlib.distributed`, which models and layers do not know.
"""

import contextlib
import contextvars
import threading
from collections.abc import Callable, Iterator
from typing import Any

_strategy: contextvars.ContextVar[Any] = contextvars.ContextVar("nnlib_strategy", default=None)
_step: contextvars.ContextVar[Any] = contextvars.ContextVar("nnlib_step", default=None)
_replicas: contextvars.ContextVar[int] = contextvars.ContextVar("nnlib_replicas", default=1)
_mapped: contextvars.ContextVar[str | None] = contextvars.ContextVar("nnlib_mapped", default=None)
_reader: contextvars.ContextVar[Any] = contextvars.ContextVar("nnlib_reader", default=None)


_standing = threading.local()
"""The strategy that this thread has chosen for wherever no scope is open."""


def strategy_in_scope() -> Any:
    """The strategy whose `scope()` is open here, else the one chosen for this thread, or None."""
    found = _strategy.get()
    return getattr(_standing, "strategy", None) if found is None else found


def choose_strategy(strategy: Any) -> bool:
    """As if its scope were open in all of this thread from now on; None for no strategy.

    Returns:
        Whether that was done: not within a scope.
    """
    if _strategy.get() is not None:
        return False
    _standing.strategy = strategy
    return True


@contextlib.contextmanager
def strategy_scope(strategy: Any) -> Iterator[None]:
    """Within the block, models that are made or compiled belong to `strategy`."""
    token = _strategy.set(strategy)
    try:
        yield
    finally:
        _strategy.reset(token)


def replicas_of_step() -> int:
    """Into how many equal runs of rows the batch is cut that is being traced: 1 on one device."""
    return _replicas.get()


@contextlib.contextmanager
def step_on_replicas(count: int) -> Iterator[None]:
    """Within the block a step is traced whose rows are spread over `count` replicas."""
    token = _replicas.set(count)
    try:
        yield
    finally:
        _replicas.reset(token)


def mapped_axis() -> str | None:
    """The mesh axis over which a function is being traced that sees its replica's rows alone."""
    return _mapped.get()


@contextlib.contextmanager
def mapped_over(axis: str | None) -> Iterator[None]:
    """Within the block a function is traced that is mapped over an axis of a mesh."""
    token = _mapped.set(axis)
    try:
        yield
    finally:
        _mapped.reset(token)


def note_read(layer: Any, arrays: dict[str, Any]) -> None:
    """Called when a layer is asked for the arrays that it keeps, by name."""
    reader = _reader.get()
    if reader is not None:
        reader(layer, arrays)


@contextlib.contextmanager
def reads_noted_by(reader: Callable[[Any, dict[str, Any]], None]) -> Iterator[None]:
    """Within the block a function is traced into which the arrays of layers go as constants."""
    token = _reader.set(reader)
    try:
        yield
    finally:
        _reader.reset(token)


def step_placement() -> Any:
    """Who says where the weights, gradients and outputs of the step in progress belong, or None.

    It has the methods `at_use(values)`, `read(array, dtype)`, `output(path, out)`, `loss(function)`
    and `gradients(tree)`, and `attention`, a function of (query, key, value, mask, causal) or None;
    see `nnlib.distributed`.
    """
    return _step.get()


@contextlib.contextmanager
def step_placed_by(placement: Any) -> Iterator[None]:
    """Within the block a step is traced whose arrays `placement` puts where they belong."""
    token = _step.set(placement)
    try:
        yield
    finally:
        _step.reset(token)
