"""Meshes by the sizes of their axes."""

import difflib
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import jax
from jax.sharding import AxisType, Mesh

from nnlib.core.errors import ArgumentError


def mesh_of(place: str, given: Any, devices: Sequence[Any], default: str) -> Mesh:
    """A mesh with automatic axes.

    Args:
        place: who asks, for errors.
        given: a Mesh; or the sizes of its axes by name, one of which may be -1 for what is left;
            or None for one axis over all devices.
        devices: to use, in order; a smaller mesh takes the first of them.
        default: the name of that one axis.

    Raises:
        ArgumentError: for sizes that are none, for more devices than there are, and for a mesh
            with explicit or manual axes.

    >>> mesh_of("here", {"data": -1, "model": 1}, jax.devices()[:1], "data").axis_names
    ('data', 'model')
    """
    if isinstance(given, Mesh):
        return _automatic(place, given)
    sizes = _sizes(place, {default: len(devices)} if given is None else given, len(devices))
    names, counts = tuple(sizes), tuple(sizes.values())
    used = list(devices)[: math.prod(counts)]
    if len({device.process_index for device in devices}) > 1 and len(used) < len(devices):
        raise ArgumentError(
            f"{place}: expected a mesh over the {len(devices)} devices of all processes, got "
            f"{dict(sizes)}. Make one axis -1."
        )
    return jax.make_mesh(counts, names, axis_types=(AxisType.Auto,) * len(names), devices=used)


def _automatic(place: str, mesh: Mesh) -> Mesh:
    if any(kind != AxisType.Auto for kind in mesh.axis_types):
        raise ArgumentError(
            f"{place}: expected a mesh with automatic axes, got one with {mesh.axis_types}. Write "
            "jax.make_mesh(sizes, names, axis_types=(jax.sharding.AxisType.Auto,) * len(names))."
        )
    return mesh


def _sizes(place: str, given: Any, count: int) -> dict[str, int]:
    if not isinstance(given, Mapping) or not given:
        raise ArgumentError(
            f'{place}: expected a Mesh or sizes by name, {{"data": 4, "model": 2}}, got {given!r}.'
        )
    sizes = dict(given)
    wrong = {n: s for n, s in sizes.items() if not (isinstance(s, int) and (s > 0 or s == -1))}
    free = [name for name, size in sizes.items() if size == -1]
    if wrong or len(free) > 1 or not all(isinstance(name, str) for name in sizes):
        raise ArgumentError(
            f"{place}: expected sizes of at least 1 by name, at most one of them -1, got {given!r}."
        )
    taken = math.prod(size for size in sizes.values() if size != -1)
    if free:
        sizes[free[0]] = max(count // taken, 1)
    if math.prod(sizes.values()) > count or (free and count % taken):
        raise ArgumentError(
            f"{place}: expected a mesh for the {count} devices that are here, got {given!r}."
        )
    return sizes


def known_axes(place: str, names: Iterable[Any], mesh: Mesh) -> tuple[str, ...]:
    """The names, each an axis of the mesh.

    Raises:
        ArgumentError: for another name; the text lists close matches.
    """
    found = tuple(names)
    for name in found:
        if name not in mesh.shape:
            raise ArgumentError(
                f"{place}: expected axes of the mesh, got {name!r}.{close_to(name, mesh.shape)} "
                f"The mesh has {', '.join(mesh.axis_names)}."
            )
    return found


def close_to(name: Any, known: Iterable[str]) -> str:
    """` Did you mean 'data'?`, or nothing."""
    close = difflib.get_close_matches(str(name), list(known), n=3, cutoff=0.5)
    return f" Did you mean {' or '.join(map(repr, close))}?" if close else ""
