"""ReduceOp: how values of replicas become one."""

from enum import Enum
from typing import Any

from nnlib.core.errors import ArgumentError


class ReduceOp(Enum):
    """How `reduce` and `all_reduce` combine values.

    >>> import nnlib as nn
    >>> nn.distributed.ReduceOp("SUM")
    <ReduceOp.SUM: 'SUM'>
    """

    SUM = "SUM"
    """Their sum."""
    MEAN = "MEAN"
    """Their mean, a float also of integers."""


def as_reduce_op(place: str, given: Any) -> ReduceOp:
    """A ReduceOp from one or from its name, in any case.

    Args:
        place: who asks, for errors.
        given: as "sum" or ReduceOp.SUM.

    Raises:
        ArgumentError: for anything else.
    """
    name = given.upper() if isinstance(given, str) else given
    if name in {"SUM", "MEAN"}:
        return ReduceOp(name)
    if isinstance(given, ReduceOp):
        return given
    raise ArgumentError(
        f'{place}: expected ReduceOp.SUM ("SUM") or ReduceOp.MEAN ("MEAN"), got {given!r}. Other '
        "reductions are those of JAX within run(): jax.lax.pmax(value, 'replica')."
    )
