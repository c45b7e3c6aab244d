"""What XLA must not cut by itself, where the arrays of a step lie on several devices.

Its partitioner (of jax 0.10 and 0.12) takes gradients of grouped convolutions several times over
where a mesh has more axes than rows are cut over, and may get wrong what windows move along if it
is cut, all without a word. `nnlib.distributed` says what is done instead.
"""

import contextlib
import contextvars
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import jax

OfRows = Callable[[jax.Array, jax.Array], jax.Array]

_placement: contextvars.ContextVar[Any] = contextvars.ContextVar("nnlib_placement", default=None)


@contextlib.contextmanager
def partitioned_by(placement: Any) -> Iterator[None]:
    """Within the block a step is traced whose arrays `placement` cuts.

    It has the methods `by_rows`, `looked_up` and `with_whole_axes`, as below; None lets XLA cut as
    it likes.
    """
    token = _placement.set(placement)
    try:
        yield
    finally:
        _placement.reset(token)


def is_cut() -> bool:
    """Whether rows lie on several devices: to merge their axis with one before it moves them."""
    return _placement.get() is not None


def by_rows(convolve: OfRows, x: jax.Array, kernel: jax.Array) -> jax.Array:
    """`convolve(x, kernel)`, by each device for its rows of `x`."""
    placement = _placement.get()
    return convolve(x, kernel) if placement is None else placement.by_rows(convolve, x, kernel)


def looked_up(look_up: OfRows, ids: jax.Array, table: jax.Array) -> jax.Array:
    """`look_up(ids, table)` of a table in 16 bits, whose gradient each device sums in 32."""
    placement = _placement.get()
    return look_up(ids, table) if placement is None else placement.looked_up(look_up, ids, table)


def with_whole_axes(array: jax.Array, axes: Iterable[int]) -> jax.Array:
    """`array`, of which no device has a part of these axes alone."""
    placement = _placement.get()
    return array if placement is None else placement.with_whole_axes(array, tuple(axes))
