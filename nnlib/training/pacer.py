"""How many steps to hand to the device at once."""

import time
from typing import Any

import jax


class Pacer:
    """Finds the number of steps that keeps the device busy for about `seconds`.

    It never waits for the work just handed over, only for the one before: the device always has
    something to do while Python looks at the results.

    Args:
        seconds: how long one dispatch should last.
        seconds_per_step: what an earlier run of the same steps found; None if there was none.
        alone: whether no other process has to do the same steps. Clocks differ, so several
            processes do one step at a time.
    """

    def __init__(self, seconds: float, seconds_per_step: float | None = None, alone: bool = True):
        self.seconds, self.alone = seconds, alone
        self.seconds_per_step = seconds_per_step
        known = alone and seconds_per_step
        self.steps = max(1, int(seconds / known)) if known else 1
        self._pending: tuple[Any, int] | None = None
        self._last_done: float | None = None

    def sent(self, result: Any, steps: int) -> Any:
        """Note work that was handed over; returns the finished result before it, or None."""
        previous, self._pending = self._pending, (result, steps)
        if previous is None:
            self._last_done = time.perf_counter()
            return None
        return self._finish(*previous)

    def drain(self) -> Any:
        """Wait for the last work and return its result, or None."""
        previous, self._pending = self._pending, None
        return None if previous is None else self._finish(*previous)

    def _finish(self, result: Any, steps: int) -> Any:
        jax.block_until_ready(result)
        now = time.perf_counter()
        spent = now - (self._last_done if self._last_done is not None else now)
        self._last_done = now
        if spent > 0:
            self.seconds_per_step = spent / steps
            wanted = max(1, int(self.seconds / self.seconds_per_step)) if self.alone else 1
            self.steps = min(wanted, 4 * self.steps)  # a first, compiling step must not mislead
        return result
