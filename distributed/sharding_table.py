"""How the weights of a model lie on a mesh, as a table."""

import math
from collections.abc import Iterable, Sequence

import jax.numpy as jnp
from jax.sharding import Mesh

from .weight_cuts import Cut

HEAD = ("weight", "shape", "kept as", "used as", "bytes per device", "")


def table(mesh: Mesh, cuts: Sequence[Cut]) -> str:
    """A line for each weight, and the sums.

    Args:
        mesh: on which they lie.
        cuts: of all weights.
    """
    rows = [HEAD, *map(_row, cuts)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    whole, part = sum(map(_bytes, cuts)), sum(map(bytes_per_device, cuts))
    axes = " ".join(f"{name}={size}" for name, size in mesh.shape.items())
    total = f"{whole:,} bytes of weights, {part:,} on each of {mesh.size} devices"
    return "\n".join([f"Weights on the mesh {axes}", *lines, total])


def bytes_per_device(cut: Cut) -> int:
    """What a device keeps of a weight."""
    return math.prod(cut.kept.shard_shape(cut.weight.shape)) * jnp.dtype(cut.weight.dtype).itemsize


def _row(cut: Cut) -> tuple[str, ...]:
    return (
        "/".join(cut.path),
        str(cut.weight.shape),
        _text(cut.kept.spec),
        _text(cut.used.spec),
        f"{bytes_per_device(cut):,}",
        cut.note,
    )


def _bytes(cut: Cut) -> int:
    return cut.weight.size * jnp.dtype(cut.weight.dtype).itemsize


def _text(spec: Iterable[object]) -> str:
    """`data, model`, `-, model` or `whole`."""
    parts = ["+".join(e) if isinstance(e, tuple) else str(e or "-") for e in spec]
    return ", ".join(parts) or "whole"
