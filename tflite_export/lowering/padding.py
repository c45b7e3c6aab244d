"""pad: edges, gaps between elements, and negative amounts, which crop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..graph import Tensor
from ..symbolic import Dim, is_static
from .elementwise import check_dtype
from .lowerer import Lowerer
from .registry import lowers
from .shape import pad_tensor
from .slicing import slice_tensor

_BOOL = np.dtype(np.bool_)
_PADDABLE = (np.dtype(np.float32), np.dtype(np.int32), _BOOL)


@lowers("pad")
def lower_pad(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """PAD or PADV2 at the edges, after reshapes for gaps, before a slice for negative amounts."""
    x, value = inputs
    check_dtype(lowerer, eqn, [x], _PADDABLE)
    config = [tuple(entry) for entry in eqn.params["padding_config"]]
    if not all(is_static(size) for entry in config for size in entry):
        raise lowerer.refuse(eqn, "paddings that are numbers", "Give the padded dimension a size.")
    x = lowerer.full(x, eqn.invars[0].aval.shape)
    dtype = x.dtype
    if dtype == _BOOL:
        x, value = (lowerer.graph.add("CAST", [t], t.shape, np.int32) for t in (x, value))
    fill = lowerer.reshape(value, ())
    for axis, (_, _, gap) in enumerate(config):
        if gap:
            x = with_gaps(lowerer, eqn, x, axis, int(gap), fill)
    x = crop(lowerer, eqn, x, [(low, high) for low, high, _ in config])
    y = pad_tensor(lowerer, x, [(max(low, 0), max(high, 0)) for low, high, _ in config], fill)
    return lowerer.graph.add("CAST", [y], y.shape, dtype) if dtype == _BOOL else y


def crop(lowerer: Lowerer, eqn: Any, x: Tensor, pads: Sequence[tuple[int, int]]) -> Tensor:
    """`x` without the elements that negative paddings take away."""
    bounds = [
        (max(-low, 0), dim - max(-high, 0), 1)
        for dim, (low, high) in zip(x.shape, pads, strict=True)
    ]
    return slice_tensor(lowerer, eqn, x, x.shape, bounds)


def with_gaps(lowerer: Lowerer, eqn: Any, x: Tensor, axis: int, gap: int, fill: Tensor) -> Tensor:
    """`gap` fills between neighbours: behind each element, then without the last ones."""
    length = x.shape[axis]
    apart: list[Dim] = [*x.shape[: axis + 1], 1, *x.shape[axis + 1 :]]
    pads = [(0, gap if a == axis + 1 else 0) for a in range(len(apart))]
    padded = pad_tensor(lowerer, lowerer.reshape(x, apart), pads, fill)
    joined = [*x.shape[:axis], length * (gap + 1), *x.shape[axis + 1 :]]
    return crop(
        lowerer,
        eqn,
        lowerer.reshape(padded, joined),
        [(0, -gap if a == axis else 0) for a in range(x.rank)],
    )
