"""Devices by the names that people write for them."""

import re
from collections.abc import Sequence
from typing import Any

import jax

from nnlib.core.errors import ArgumentError

from .cpu_threads import enough_threads

_NAME = re.compile(r"^(?:/job:\w+)?(?:/replica:\d+)?(?:/task:\d+)?/?(?:device:)?([a-z]+):(\d+)$")


def here() -> list[jax.Device]:
    """The devices of this process."""
    with enough_threads():
        return jax.local_devices()


def everywhere() -> list[jax.Device]:
    """The devices of every process that is connected."""
    with enough_threads():
        return jax.devices()


def devices_of(place: str, given: Sequence[Any] | None) -> list[jax.Device]:
    """The devices that are meant, each once.

    Args:
        place: who asks, for errors.
        given: devices of JAX, or names as "gpu:0", "/GPU:1", "/job:worker/task:0/device:CPU:3".
            None or an empty list: all of this process.

    Raises:
        ArgumentError: for a device that is not here, or twice.

    >>> devices_of("here", ["/cpu:0"])[0].platform
    'cpu'
    """
    if given is not None and (isinstance(given, str) or not isinstance(given, Sequence)):
        raise ArgumentError(f'{place}: expected a list of devices as ["gpu:0"], got {given!r}.')
    if not given:
        return here()
    found = [_device(place, item) for item in given]
    if twice := [device for device in found if found.count(device) > 1]:
        raise ArgumentError(f"{place}: expected every device once, got {twice[0]} twice.")
    return found


def _device(place: str, item: Any) -> jax.Device:
    if isinstance(item, jax.Device):
        return item
    match = _NAME.match(item.lower()) if isinstance(item, str) else None
    if match is None:
        raise ArgumentError(
            f'{place}: expected a device as "gpu:0" or one of jax.devices(), got {item!r}.'
        )
    platform, index = match[1], int(match[2])
    found = [d for d in here() if d.platform == platform]
    if not found and platform in ("cpu", "gpu", "tpu"):
        found = _of_platform(platform)
    if index >= len(found):
        names = ", ".join(f"{d.platform}:{i}" for i, d in enumerate(here()))
        raise ArgumentError(f"{place}: expected a device that is here ({names}), got {item!r}.")
    return found[index]


def _of_platform(platform: str) -> list[jax.Device]:
    try:
        return jax.local_devices(backend=platform)
    except RuntimeError:
        return []
