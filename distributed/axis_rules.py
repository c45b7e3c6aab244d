"""Rules that say over which axes of a mesh weights are cut: by path, or by logical axis."""

import fnmatch
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from jax.sharding import Mesh, PartitionSpec

from nnlib.core.errors import ArgumentError
from nnlib.core.specs import Weight

from .meshes import close_to, known_axes

Axes = tuple[str, ...]
"""The axes of a mesh over which one dimension is cut; () for none."""


class AxisRules:
    """Rules, checked against a mesh.

    Args:
        place: who asks, for errors.
        mesh: whose axes they name.
        rules: from keys to values, in order. A PartitionSpec is for weights whose path the key
            matches: a glob as "decoder/*/kernel", where `*` stands for anything, or a compiled
            regular expression that is searched in the path. The name of a mesh axis (or a tuple of
            names) is for weights with a logical axis of the key's name, as "out", "in" or
            "vocabulary". The first path that matches counts, and before logical axes.

    Raises:
        ArgumentError: for a rule that is none, or that names an axis which the mesh has not.
    """

    def __init__(self, place: str, mesh: Mesh, rules: Mapping[Any, Any] | None):
        self.place, self.mesh = place, mesh
        self.paths: list[tuple[Any, list[Axes]]] = []
        self.logical: dict[str, Axes] = {}
        if rules is not None and not isinstance(rules, Mapping):
            raise ArgumentError(
                f'{place}: expected rules as a dict, {{"*/kernel": PartitionSpec(None, "model")}} '
                f'or {{"out": "model"}}, got {rules!r}.'
            )
        for key, value in (rules or {}).items():
            self._add(key, value)

    def _add(self, key: Any, value: Any) -> None:
        place = f"{self.place}: rule {getattr(key, 'pattern', key)!r}"
        if isinstance(value, PartitionSpec) and isinstance(key, str | re.Pattern):
            dims = [_axes(entry) for entry in value]
            named = known_axes(place, [name for axes in dims for name in axes], self.mesh)
            if len(set(named)) < len(named):
                raise ArgumentError(f"{place}: expected every axis once, got {value}.")
            self.paths.append((key, dims))
        elif isinstance(key, str) and isinstance(value, str | tuple) and value:
            self.logical[key] = known_axes(place, _axes(value), self.mesh)
        else:
            raise ArgumentError(
                f"{place}: expected a PartitionSpec for a path, or the name of a mesh axis for a "
                f"logical axis, got {value!r}."
            )

    def axes_of(self, path: str, weight: Weight) -> list[Axes] | None:
        """The mesh axes for each dimension of a weight, or None if no rule is about it.

        Raises:
            ArgumentError: if a rule has more dimensions than the weight, or cuts two by one axis.
        """
        for key, dims in self.paths:
            if _matches(key, path):
                if len(dims) > len(weight.shape):
                    raise ArgumentError(
                        f"{self.place}: expected a rule of at most {len(weight.shape)} dimensions "
                        f"for {path} of shape {weight.shape}, got {getattr(key, 'pattern', key)!r} "
                        f"with {len(dims)}. Make its pattern narrower."
                    )
                return [*dims, *[()] * (len(weight.shape) - len(dims))]
        free = [None] * (len(weight.shape) - len(weight.axes))  # axes may stand for the first ones
        found = [self.logical.get(name or "", ()) for name in (*weight.axes, *free)]
        if not any(found):
            return None
        named = [name for axes in found for name in axes]
        if len(set(named)) < len(named):
            raise ArgumentError(
                f"{self.place}: expected rules that cut {path} with the axes {weight.axes} at most "
                f"once over each axis of the mesh, got {found}. Give it a rule by its path."
            )
        return found

    def refuse_unused(self, weights: Sequence[tuple[str, Weight]]) -> None:
        """Raise ArgumentError for a rule that is about none of these weights."""
        paths = [path for path, _ in weights]
        for key, _ in self.paths:
            if not any(_matches(key, path) for path in paths):
                raise self._unused(getattr(key, "pattern", key), paths, "weights")
        known = sorted({name for _, weight in weights for name in weight.axes if name})
        for name in self.logical:
            if name not in known:
                remedy = f" A path takes a PartitionSpec: {{{name!r}: PartitionSpec(...)}}."
                is_path = any(_matches(name, path) for path in paths)
                raise self._unused(name, known, "logical axes", remedy * is_path)

    def _unused(self, key: str, known: list[str], what: str, remedy: str = "") -> ArgumentError:
        listed = ", ".join(known[:8]) + (", ..." if len(known) > 8 else "")
        return ArgumentError(
            f"{self.place}: expected rules that are about something, got {key!r}, which matches "
            f"none of the {what}.{close_to(key, known)} There are {listed or 'none'}.{remedy}"
        )


def _axes(entry: Any) -> Axes:
    if entry is None:
        return ()
    return (entry,) if isinstance(entry, str) else tuple(entry)


def _matches(key: Any, path: str) -> bool:
    return fnmatch.fnmatchcase(path, key) if isinstance(key, str) else bool(key.search(path))


def weights_of(model: Any) -> Iterator[tuple[tuple[str, ...], Any, str, Weight]]:
    """(path with the name, layer, name, declaration) of every weight of a model."""
    for path, layer, name, weight in model.weight_specs():
        yield (*path, name), layer, name, weight
