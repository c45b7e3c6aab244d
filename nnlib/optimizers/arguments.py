"""Checks of what optimizers are given."""

import difflib
import inspect
import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from nnlib.core.errors import ArgumentError, UnexpectedArgumentError

_OLD = {
    "lr": "Write learning_rate=.",
    "decay": "Write learning_rate=nn.optimizers.schedules.ExponentialDecay(...), "
    "or weight_decay= to shrink the weights.",
}


def refuse_unknown(cls: type, common: Iterable[str], unknown: Mapping[str, Any]) -> None:
    """UnexpectedArgumentError for keywords that `cls` does not know, with what was meant."""
    if not unknown:
        return
    own = inspect.signature(cls).parameters
    known = [n for n, p in own.items() if p.kind is not inspect.Parameter.VAR_KEYWORD]
    known = list(dict.fromkeys([*known, *common]))
    name = next(iter(unknown))
    close = difflib.get_close_matches(name, known, n=1)
    hint = _OLD.get(name) or (f"Did you mean {close[0]!r}?" if close else "")
    raise UnexpectedArgumentError(
        f"{cls.__name__}: expected arguments among {', '.join(known)}, got {name!r}. {hint}".strip()
    )


def check_number(
    place: str, name: str, value: Any, low: float = 0.0, high: float = math.inf
) -> float | None:
    """`value` as a float from `low` to `high`, or None for None."""
    if value is None:
        return None
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or not low <= value <= high:
        limits = f"of at least {low:g}" if high == math.inf else f"from {low:g} to {high:g}"
        raise ArgumentError(f"{place}: expected {name} to be a number {limits}, got {value!r}.")
    return float(value)


def check_share(place: str, name: str, value: Any) -> float:
    """`value` as a float from 0 to below 1: how much of the past to keep."""
    number = check_number(place, name, value, 0.0, 1.0)
    if number is None or number == 1.0:
        raise ArgumentError(
            f"{place}: expected {name} to be a number from 0 to below 1, got {value!r}."
        )
    return number


def check_level(place: str, name: str, value: Any, high: float = math.inf) -> float:
    """`value` as a float from 0 to `high`; None is refused."""
    number = check_number(place, name, value, 0.0, high)
    if number is None:
        raise ArgumentError(f"{place}: expected {name} to be a number, got None.")
    return number


def check_positive(place: str, name: str, value: Any) -> float:
    """`value` as a float above 0."""
    if value is None or check_number(place, name, value) == 0:
        raise ArgumentError(f"{place}: expected {name} to be a number above 0, got {value!r}.")
    return float(value)


def check_count(place: str, name: str, value: Any, least: int = 1) -> int | None:
    """`value` as an integer of at least `least`, or None for None."""
    if value is None:
        return None
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or value < least:
        raise ArgumentError(
            f"{place}: expected {name} to be an integer of at least {least} or None, got {value!r}."
        )
    return int(value)


def check_averaging(
    place: str, use_ema: Any, ema_momentum: Any, ema_overwrite_frequency: Any
) -> tuple[bool, float, int | None]:
    """The three arguments of averaged weights; the frequency needs `use_ema`."""
    momentum = check_number(place, "ema_momentum", ema_momentum, 0.0, 1.0)
    if momentum is None:
        raise ArgumentError(f"{place}: expected ema_momentum to be a number, got None.")
    every = check_count(place, "ema_overwrite_frequency", ema_overwrite_frequency)
    if every is not None and not use_ema:
        raise ArgumentError(
            f"{place}: expected use_ema=True with ema_overwrite_frequency={every}, "
            f"got use_ema={use_ema!r}. Without averages there is nothing to overwrite with."
        )
    return bool(use_ema), momentum, every


def check_clipping(place: str, clipnorm: Any, clipvalue: Any, global_clipnorm: Any) -> list[Any]:
    """The three as floats above 0 or None, of which one at most may be given."""
    given = {"clipnorm": clipnorm, "clipvalue": clipvalue, "global_clipnorm": global_clipnorm}
    chosen = [name for name, value in given.items() if value is not None]
    if len(chosen) > 1:
        raise ArgumentError(
            f"{place}: expected at most one of clipnorm, clipvalue and global_clipnorm, "
            f"got {' and '.join(chosen)}."
        )
    return [v if v is None else check_positive(place, n, v) for n, v in given.items()]
