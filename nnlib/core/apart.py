"""Tells which weights are on other devices than those that they are computed with."""

import contextlib
from collections.abc import Iterator
from typing import Any

import jax

from nnlib.core.errors import ArgumentError


@contextlib.contextmanager
def telling_of_devices(layer: Any) -> Iterator[None]:
    """Within the block a layer or model computes with its own weights.

    Raises:
        ArgumentError: instead of JAX's error about arrays on different devices.
    """
    try:
        yield
    except ValueError as error:
        if "incompatible devices" not in str(error):
            raise
        found = ", ".join(dict.fromkeys(_devices_of(layer).values()))
        raise ArgumentError(
            f"{layer.name} ({type(layer).__name__}): expected inputs and weights on the same "
            f"devices, got weights of {found}. Layers stay where the strategy that trained them "
            "put them, and so do results: pass np.asarray(x) of what another strategy computed, "
            "and call model.predict(x) where layers of one model are apart."
        ) from error


def _devices_of(layer: Any) -> dict[int, str]:
    """Where the weights are, by the layers that keep them."""
    found: dict[int, str] = {}
    for _, owner, name, _ in layer.weight_specs():
        array = owner.own_arrays()[name]
        if isinstance(array, jax.Array) and not isinstance(array, jax.core.Tracer):
            names = sorted(map(str, array.devices()))
            shown = names[0] if len(names) == 1 else f"{names[0]}, ..., {names[-1]}"
            found.setdefault(id(owner), f"{owner.name} on {shown}")
    return found
