"""To which strategy a model belongs: that of the scope it is made or compiled in."""

import warnings
from typing import Any

from nnlib.core.errors import ArgumentError
from nnlib.core.scope import strategy_in_scope


def strategy_of(model: Any) -> Any:
    """The strategy that the model belongs to, or None."""
    return vars(model).get("_strategy")


def join_scope(model: Any) -> bool:
    """Let a model belong to the strategy whose `scope()` is open here; whether that is new.

    Raises:
        ArgumentError: if the model belongs to another one.
    """
    strategy, own = strategy_in_scope(), strategy_of(model)
    if strategy is None or strategy is own:
        return False
    if own is not None:
        raise ArgumentError(
            f"{model.name} ({type(model).__name__}): expected compile() in the scope of the "
            f"{type(own).__name__} that the model was made in, got that of another "
            f"{type(strategy).__name__}. Make the model within that scope, too."
        )
    vars(model)["_strategy"] = strategy
    return True


def warn_outside_of_scope(model: Any, place: str) -> None:
    """Say that a model trains alone where a strategy's scope promises otherwise."""
    strategy = strategy_in_scope()
    if strategy is not None and strategy_of(model) is None:
        warnings.warn(
            f"{place}: expected a model that was made or compiled in the scope of the "
            f"{type(strategy).__name__} around it, got {model.name}, which was not: it trains on "
            "one device. Call compile() within the scope.",
            stacklevel=4,
        )
