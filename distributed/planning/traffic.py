"""The fewest bytes that devices have to send for the weights and gradients of a step."""

import math
from collections.abc import Sequence
from typing import Any

import jax
from jax.sharding import Mesh

from nnlib.training.state import TrainState

from ..mesh_placement import MeshPlacement


def least_bytes(state: TrainState, mesh: Mesh, row_axes: Sequence[str]) -> float:
    """What each device sends at least, in a ring.

    A whole weight costs an all-reduce of its gradient. One that is cut over axes of the rows is
    gathered once, and its gradient is reduced and scattered. Over other axes it stays cut; what
    activations cost there comes on top.

    Args:
        state: of arrays with shardings.
        mesh: of the devices.
        row_axes: over which the rows are cut.
    """
    trained = sum(_of(leaf, mesh, row_axes, True) for leaf in jax.tree.leaves(state.trainable))
    frozen = sum(_of(leaf, mesh, row_axes, False) for leaf in jax.tree.leaves(state.frozen))
    return trained + frozen


def least_between_slices(
    state: TrainState, mesh: Mesh, row_axes: Sequence[str], slices: int
) -> float:
    """The part of it that has to leave the slice.

    The sums of a slice are made within it first, so each of its devices sends only its part of
    them, there and back; a weight that is cut over the slices comes once.

    Args:
        state: of arrays with shardings.
        mesh: of the devices, whose first axis of rows has the slices one after the other.
        row_axes: over which the rows are cut.
        slices: how many.
    """
    replicas = math.prod(mesh.shape[axis] for axis in row_axes)
    share = (slices - 1) / replicas  # (slices - 1) / slices of size / (replicas / slices)

    def of(leaf: Any, trained: bool) -> float:
        axes = _axes(leaf)
        times = 2 if trained else int(row_axes[0] in axes)
        return times * share * _bytes(leaf, mesh, axes, row_axes)

    trained = sum(of(leaf, True) for leaf in jax.tree.leaves(state.trainable))
    return trained + sum(of(leaf, False) for leaf in jax.tree.leaves(state.frozen))


def bytes_at_use(leaf: Any, placement: MeshPlacement) -> int:
    """Of a weight, on a device that computes with it: gathered from the axes of the rows."""
    return int(_bytes(leaf, placement.mesh, _axes(leaf), placement.row_axes))


def _of(leaf: Any, mesh: Mesh, row_axes: Sequence[str], trained: bool) -> float:
    axes = _axes(leaf)
    pieces = math.prod(mesh.shape[axis] for axis in axes if axis in row_axes)
    size = _bytes(leaf, mesh, axes, row_axes)
    copies = math.prod(mesh.shape[axis] for axis in row_axes) / pieces
    gathered = (pieces - 1) / pieces * size
    reduced = gathered + 2 * (copies - 1) / copies * size / pieces
    return gathered + (reduced if trained else 0.0)


def _axes(leaf: Any) -> list[str]:
    """The axes of the mesh over which an array is cut."""
    return [axis for part in leaf.sharding.spec if part is not None for axis in _listed(part)]


def _bytes(leaf: Any, mesh: Mesh, axes: Sequence[str], row_axes: Sequence[str]) -> float:
    """Of the part of a weight that a device computes with."""
    stays = math.prod(mesh.shape[axis] for axis in axes if axis not in row_axes)
    return math.prod(leaf.shape) * leaf.dtype.itemsize / stays


def _listed(part: Any) -> tuple[str, ...]:
    return part if isinstance(part, tuple) else (part,)
