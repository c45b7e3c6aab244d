"""How many steps to hand to the device at once."""

import time
from typing import Any

import jax


class Pacer:
    """Finds the number of steps that keeps the device busy for about `seconds`.

    It never waits for the work just handed over, only for the one before: the device always has
    something to do while Python looks at the results.
    """

    def __init__(self, seconds: float):
        self.seconds = seconds
        self.steps = 1
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
            wanted = max(1, int(steps * self.seconds / spent))
            self.steps = min(wanted, 4 * self.steps)  # a first, compiling step must not mislead
        return result
