"""Worker: an actor that runs the functions which the coordinator schedules."""

import importlib
import os
import pickle
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import jax

from ..errors import StrategyError
from .engine import begin_process, dumped
from .parcel import joined
from .watch import Process, this_process

FUNCTIONS = 64
"""So many functions a worker keeps; those that it has had for longest are forgotten first."""


@dataclass(frozen=True)
class Shipped:
    """A pickled function, on its way; each process of a worker reads it once.

    Args:
        key: tells it from others.
        kind: "function" itself, the "resource" that it makes, or an "iterator" over that.
        ref: where Ray has the bytes, in a list so that Ray does not fetch them for every call.
    """

    key: str
    kind: str
    ref: list[Any]


@dataclass(frozen=True)
class PlaceOf:
    """The place of something that is shipped, among arguments; the index of it in their order."""

    index: int


class Worker:
    """Runs functions in a process of Ray, and keeps what they share there."""

    def __init__(self, settings: dict[str, Any], index: int):
        begin_process(settings)
        self.index = index
        self._kept: dict[tuple[str, str], Any] = {}

    def process(self) -> int:
        """The number of the process that it lives in."""
        return os.getpid()

    def pulse(self) -> Process:
        """The sign of life that the chief asks for, beside a function that runs."""
        return this_process(importlib.import_module("ray"))

    def run(self, shipped: Sequence[Shipped], *parts: Any) -> Any:
        """What the function returns; arrays of JAX come as those of NumPy.

        Args:
            shipped: the function to run, and what takes the places of its arguments.
            parts: its arguments and named arguments, packed.
        """
        try:
            function, *others = shipped
            given, named = jax.tree.map(
                lambda a: self._made(others[a.index]) if isinstance(a, PlaceOf) else a,
                joined(parts),
                is_leaf=lambda a: isinstance(a, PlaceOf),
            )
            return jax.device_get(self._made(function)(*given, **named))
        except (Exception, SystemExit) as error:
            if isinstance(error, Exception) and _travels(error):
                raise
            # Ray would take both for the death of this process, and run the function again.
            raise StrategyError(f"schedule: {type(error).__name__}: {error}") from error

    def _made(self, shipped: Shipped) -> Any:
        key = shipped.key, shipped.kind
        if key not in self._kept:
            if shipped.kind == "function":
                ray = importlib.import_module("ray")
                self._forget()
                self._kept[key] = pickle.loads(ray.get(shipped.ref[0]))
            else:
                make = self._made(Shipped(shipped.key, "function", shipped.ref))
                self._kept[key] = _iterated(make()) if shipped.kind == "iterator" else make()
        return self._kept[key]

    def _forget(self) -> None:
        functions = [key for key in self._kept if key[1] == "function"]
        for key in functions[: len(functions) - FUNCTIONS + 1]:
            del self._kept[key]


def _travels(error: Exception) -> bool:
    """Whether another process can read it."""
    try:
        pickle.loads(dumped(error))
    except Exception:
        return False
    return True


def _iterated(data: Any) -> Iterator[Any]:
    return data.as_numpy_iterator() if hasattr(data, "as_numpy_iterator") else iter(data)
