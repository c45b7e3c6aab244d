"""For tests of other threads and processes: nothing is waited for without an end."""

import time


def wait_until(condition, seconds=60):
    """Asks again and again; fails when the time is up."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.01)
