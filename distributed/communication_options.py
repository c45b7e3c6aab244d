"""CommunicationOptions: how devices and processes talk to each other."""

import math
import warnings
from dataclasses import dataclass
from enum import Enum
from typing import Any

import jax

from nnlib.core.errors import ArgumentError


class CommunicationImplementation(Enum):
    """What moves the data of collectives.

    >>> import nnlib as nn
    >>> nn.distributed.CommunicationImplementation.RING.value
    'RING'
    """

    AUTO = "AUTO"
    """What XLA takes for the platform."""
    RING = "RING"
    """Rings over the host's network: gloo, which JAX takes for CPUs."""
    NCCL = "NCCL"
    """NVIDIA's library, which JAX takes for its GPUs."""


@dataclass(frozen=True)
class CommunicationOptions:
    """Wishes for the communication between devices.

    XLA owns collectives: it packs arrays into few of them, and chooses rings or trees. What it
    does anyway passes in silence; a wish that has no effect where it is used warns there.

    Args:
        bytes_per_pack: how much goes into one collective, in bytes; 0 leaves it to XLA.
        timeout_seconds: after which a collective that hangs is given up; None for the default of
            the strategy.
        implementation: a CommunicationImplementation or its name.

    Raises:
        ArgumentError: for a negative size, a timeout that is not positive, or an unknown name.

    >>> import nnlib as nn
    >>> nn.distributed.CommunicationOptions(implementation="ring").implementation
    <CommunicationImplementation.RING: 'RING'>
    """

    bytes_per_pack: int = 0
    timeout_seconds: float | None = None
    implementation: Any = CommunicationImplementation.AUTO

    def __post_init__(self) -> None:
        size, seconds = self.bytes_per_pack, self.timeout_seconds
        if isinstance(size, bool) or not isinstance(size, int) or size < 0:
            raise ArgumentError(
                f"CommunicationOptions: expected bytes_per_pack of at least 0, got {size!r}."
            )
        number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
        if seconds is not None and not (number and 0 < seconds < math.inf):
            raise ArgumentError(
                "CommunicationOptions: expected timeout_seconds to be positive or None, got "
                f"{seconds!r}."
            )
        object.__setattr__(self, "implementation", _implementation(self.implementation))

    def warn_of_no_effect(
        self, place: str, platform: str | None = None, timed: bool = False
    ) -> None:
        """Warn of wishes that cannot be granted where the options are used.

        Args:
            place: where that is.
            platform: "cpu", "gpu" or "tpu"; that of the default device if None.
            timed: whether the timeout takes effect there.
        """
        if self.bytes_per_pack:
            _warn(place, f"bytes_per_pack={self.bytes_per_pack}", "XLA packs collectives itself")
        if self.timeout_seconds is not None and not timed:
            _warn(
                place,
                f"timeout_seconds={self.timeout_seconds}",
                "the timeout is one for the whole process, set by MultiWorkerMirroredStrategy",
            )
        warn_of_implementation(place, self.implementation, platform or jax.default_backend())


def warn_of_implementation(
    place: str, implementation: CommunicationImplementation, platform: str
) -> None:
    """Warn where JAX takes another implementation for the platform."""
    taken = {"cpu": "RING", "gpu": "NCCL", "cuda": "NCCL"}.get(platform, "its own")
    if implementation.value not in ("AUTO", taken):
        _warn(place, implementation.value, f"JAX takes {taken} for {platform} devices")


def _warn(place: str, what: str, why: str) -> None:
    warnings.warn(f"{place}: {what} has no effect here: {why}.", stacklevel=4)


def _implementation(given: Any) -> CommunicationImplementation:
    known = CommunicationImplementation.__members__
    if isinstance(given, CommunicationImplementation):
        return given
    if isinstance(given, str) and given.upper() in known:
        return known[given.upper()]
    raise ArgumentError(
        f"CommunicationOptions: expected an implementation of {', '.join(known)}, got {given!r}."
    )
