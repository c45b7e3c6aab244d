"""Threads for the devices of a CPU, enough that none of them waits for another for ever."""

import contextlib
import os
import re
from collections.abc import Iterator
from typing import Any

import jax

_VARIABLE = "NPROC"
_OF_A_DEVICE = 8
_FORCED = re.compile(r"--xla_force_host_platform_device_count=(\d+)")


@contextlib.contextmanager
def enough_threads(several: bool = False) -> Iterator[None]:
    """Where JAX starts within the block, several devices of a CPU get more threads than cores.

    A collective of XLA on CPUs keeps a thread until all devices are there, and a device may be in
    several collectives at a time. With as many threads as devices, which is what XLA takes on a
    small machine, they can wait for each other until XLA ends the process after 40 s. A number in
    the environment variable NPROC, which XLA reads when it starts, counts more than this.

    Args:
        several: whether other processes have further devices.
    """
    devices = _devices()
    if _VARIABLE in os.environ or not (several or devices > 1):
        yield
        return
    os.environ[_VARIABLE] = str(max(os.cpu_count() or 1, _OF_A_DEVICE * devices))
    try:
        yield
    finally:
        os.environ.pop(_VARIABLE, None)  # another thread may have been here meanwhile


def _devices() -> int:
    """How many devices the CPU is asked to be."""
    forced = _FORCED.findall(os.environ.get("XLA_FLAGS", ""))
    config: Any = jax.config
    return max(config.jax_num_cpu_devices, int(forced[-1]) if forced else 1)
