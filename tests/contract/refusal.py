"""One row of the table of refusals: what a user does wrong, and what must be said."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Refusal:
    """`attempt()` must raise `error` with a text that matches `match`."""

    attempt: Callable[[], Any]
    error: type[Exception]
    match: str


def refusal(attempt: Callable[[], Any], error: type[Exception], match: str) -> Refusal:
    """A row."""
    return Refusal(attempt, error, match)
