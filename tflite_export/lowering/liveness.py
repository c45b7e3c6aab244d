"""Which values of a jaxpr are read."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from jax.extend.core import Literal


def live_variables(
    jaxpr: Any, wanted: Sequence[bool], known: Collection[Any] = frozenset()
) -> set[Any]:
    """Variables that the wanted results depend on, given those that are known."""
    live = {
        var
        for var, want in zip(jaxpr.outvars, wanted, strict=True)
        if want and not isinstance(var, Literal)
    }
    for eqn in reversed(jaxpr.eqns):
        if any(var in live and var not in known for var in eqn.outvars):
            live.update(var for var in eqn.invars if not isinstance(var, Literal))
    return live


def live_results(step: Any, own: Sequence[Any], wanted: Sequence[bool]) -> list[bool]:
    """Which results of a loop's body are read, outside or in a later round.

    Args:
        step: jaxpr of the body; its results begin with the carries.
        own: variables of the carries among its inputs.
        wanted: which results are read outside.

    Returns:
        A flag for each result.
    """
    flags = list(wanted)
    while True:
        live = live_variables(step, flags)
        grown = [flag or var in live for flag, var in zip(flags, own, strict=False)]
        grown += flags[len(own) :]
        if grown == flags:
            return flags
        flags = grown
