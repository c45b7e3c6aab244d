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
    "use_ema": "Averaged weights are not built in; optax.ema can be chained.",
    "gradient_accumulation_steps": "Wrap the optimizer: "
    "OptaxOptimizer(optax.MultiSteps(...).gradient_transformation()).",
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


def check_positive(place: str, name: str, value: Any) -> float:
    """`value` as a float above 0."""
    if value is None or check_number(place, name, value) == 0:
        raise ArgumentError(f"{place}: expected {name} to be a number above 0, got {value!r}.")
    return float(value)


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
