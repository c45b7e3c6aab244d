"""How each weight of a model is cut over a mesh, and how it lies where a layer reads it."""

import math
from dataclasses import dataclass
from typing import Any

from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from nnlib.core.errors import NotBuiltError
from nnlib.core.specs import Weight

from .axis_rules import Axes, AxisRules, weights_of


@dataclass(frozen=True)
class Cut:
    """One weight on a mesh."""

    path: tuple[str, ...]
    layer: Any
    weight: Weight
    kept: NamedSharding
    """Between its uses, as are its gradient and what an optimizer keeps for it."""
    used: NamedSharding
    """Where a layer reads it: gathered, except over the axes of rules (tensor parallel)."""
    note: str
    """Which dimensions stay whole against a rule, and why."""

    @property
    def name(self) -> str:
        """The name of the weight in its layer."""
        return self.path[-1]


class WeightCuts:
    """Cuts every weight by rules, and then over the axes of FSDP.

    Args:
        mesh: with automatic axes.
        rules: that come first.
        gathered: the axes over which weights are cut besides, and gathered where they are used;
            () for none.
    """

    def __init__(self, mesh: Mesh, rules: AxisRules, gathered: Axes):
        self.mesh, self.rules, self.gathered = mesh, rules, gathered

    def of(self, model: Any, strict: bool = True) -> list[Cut]:
        """The cuts of all weights of a model.

        Args:
            model: a layer or model that is built.
            strict: whether a rule that is about none of them is an error.

        Raises:
            ArgumentError: for such a rule, with close matches.
            NotBuiltError: if the shapes of the weights are not known.
        """
        if not model.built:
            raise NotBuiltError(
                f"{self.rules.place}: expected a model that is built, got {model.name} without "
                "input shapes. Begin it with nnlib.Input(shape), or call build((None, ...))."
            )
        weights = list(weights_of(model))
        if strict:
            self.rules.refuse_unused([("/".join(path), w) for path, _, _, w in weights])
        return [self._cut(path, layer, weight) for path, layer, _, weight in weights]

    def _cut(self, path: tuple[str, ...], layer: Any, weight: Weight) -> Cut:
        ruled = self.rules.axes_of("/".join(path), weight)
        used, note = self._divisible(weight.shape, ruled or [()] * len(weight.shape))
        kept = list(used)
        whole = ruled is not None and not any(ruled)  # a rule says so
        free = tuple(axis for axis in self.gathered if all(axis not in axes for axes in used))
        if free and not whole:
            dim = self._fsdp_dim(weight.shape, used, free)
            if dim is not None:
                kept[dim] = (*kept[dim], *free)
            elif math.prod(weight.shape) > 1:
                note.append(f"no dimension is divisible by {self._count(free)}")
        # A rule that names an axis of FSDP cuts there: it is gathered like the others.
        at_use = [tuple(a for a in axes if a not in self.gathered) for axes in used]
        before, reading = (NamedSharding(self.mesh, _spec(axes)) for axes in (kept, at_use))
        return Cut(path, layer, weight, before, reading, "; ".join(note))

    def _divisible(self, shape: tuple[int, ...], dims: list[Axes]) -> tuple[list[Axes], list[str]]:
        """The axes without those that do not divide their dimension, and what was left out."""
        note = [
            f"dimension {index} of {size} is not divisible by {self._count(axes)}"
            for index, (size, axes) in enumerate(zip(shape, dims, strict=True))
            if size % self._count(axes)
        ]
        kept = [
            () if size % self._count(axes) else axes for size, axes in zip(shape, dims, strict=True)
        ]
        return kept, note

    def _fsdp_dim(self, shape: tuple[int, ...], dims: list[Axes], free: Axes) -> int | None:
        """The largest dimension that can be cut (once more), rather one that no rule cuts.

        Dimensions before the last come first: their parts lie in one piece, so that a gather is a
        copy.
        """
        count = self._count(free)
        fits = [
            index
            for index, (size, axes) in enumerate(zip(shape, dims, strict=True))
            if size and size % (count * self._count(axes)) == 0
        ]
        last = len(shape) - 1
        order = sorted(fits, key=lambda i: (bool(dims[i]), i == last, -shape[i]))
        return order[0] if order else None

    def _count(self, axes: Axes) -> int:
        return math.prod(self.mesh.shape[axis] for axis in axes)


def _spec(dims: list[Axes]) -> P:
    entries = [axes[0] if len(axes) == 1 else axes or None for axes in dims]
    while entries and entries[-1] is None:
        entries.pop()
    return P(*entries)
