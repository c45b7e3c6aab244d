"""The processes that run the same steps. Here: this one alone."""

from collections.abc import Callable
from typing import Any


class Peers:
    """What processes that train together have to agree on; nothing, where there is only one.

    Strategies of `nnlib.distributed` that span processes bring one that asks the others. Every
    process has to call the same methods in the same order.
    """

    count = 1
    """How many processes there are."""
    chief = True
    """Whether this is the one that writes files and prints."""

    def from_first(self, make: Callable[[], Any]) -> Any:
        """What `make` returns on the first process, on each; what it raises there, likewise."""
        return make()

    def common(self, arrays: list[Any]) -> list[Any]:
        """Arrays that are the same on each process: those of the first."""
        return arrays

    def check_same(self, tree: Any, place: str) -> None:
        """Raise DataError unless every process has the same arrays.

        Args:
            tree: of arrays on the host.
            place: who asks, for the error.
        """

    def meet(self) -> None:
        """Wait until every process is here."""


ALONE = Peers()
