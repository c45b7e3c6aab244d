"""The pure call in progress: the states that its metrics read and write meanwhile."""

import contextlib
import contextvars
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Optional

from nnlib.core.compat import trace_state
from nnlib.core.errors import StateWriteError

State = dict[str, Any]
_current: contextvars.ContextVar[Optional["Scope"]] = contextvars.ContextVar(
    "nnlib_metric_scope", default=None
)


@dataclass
class Scope:
    """States by the identity of their metrics; gone, tracers and all, when the call returns."""

    states: dict[int, State]
    writable: bool = True
    outer: "Scope | None" = None
    trace: Any = field(default_factory=trace_state)

    def write(self, metric: Any, values: State) -> None:
        """Put values into the state of a metric.

        Raises:
            StateWriteError: from `result()`, and from inside an inner vmap, scan or jit.
        """
        if not self.writable:
            raise StateWriteError(
                f"{metric.name}: expected result() to leave the state as it is, got a write of "
                f"{', '.join(values)}. Assign in update_state()."
            )
        if trace_state() != self.trace:
            raise StateWriteError(
                f"{metric.name}: expected variables to be assigned at the level of update_state(), "
                f"got a write of {', '.join(values)} inside an inner vmap, scan or jit, where it "
                "would be lost. Return the value from there, and assign it outside."
            )
        self.states[id(metric)] |= values


def scope_of(metric: Any) -> Scope | None:
    """The innermost scope that holds a state of this metric, or None."""
    scope = _current.get()
    while scope is not None and id(metric) not in scope.states:
        scope = scope.outer
    return scope


@contextlib.contextmanager
def opened(states: dict[int, State], writable: bool = True) -> Iterator[Scope]:
    """A scope over these states."""
    scope = Scope(states, writable, _current.get())
    token = _current.set(scope)
    try:
        yield scope
    finally:
        _current.reset(token)
