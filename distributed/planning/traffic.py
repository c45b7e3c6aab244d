"""The fewest bytes that devices have to send for the weights and gradients of a step."""

import math
from collections.abc import Sequence
from typing import Any

import jax
from jax.sharding import Mesh

from nnlib.training.state import TrainState


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


def _of(leaf: Any, mesh: Mesh, row_axes: Sequence[str], trained: bool) -> float:
    axes = [axis for part in leaf.sharding.spec if part is not None for axis in _listed(part)]
    pieces = math.prod(mesh.shape[axis] for axis in axes if axis in row_axes)
    stays = math.prod(mesh.shape[axis] for axis in axes if axis not in row_axes)
    size = math.prod(leaf.shape) * leaf.dtype.itemsize / stays
    copies = math.prod(mesh.shape[axis] for axis in row_axes) / pieces
    gathered = (pieces - 1) / pieces * size
    reduced = gathered + 2 * (copies - 1) / copies * size / pieces
    return gathered + (reduced if trained else 0.0)


def _listed(part: Any) -> tuple[str, ...]:
    return part if isinstance(part, tuple) else (part,)
