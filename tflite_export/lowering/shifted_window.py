"""Windows that no pooling kernel takes: one axis after the other, as shifted slices joined."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..graph import Tensor
from ..symbolic import is_static
from .elementwise import binary, check_dtype, scalar
from .lowerer import Lowerer
from .padding import crop, with_gaps
from .shape import pad_tensor, value_range
from .slicing import slice_tensor

_FLOAT = np.dtype(np.float32)
_NUMBERS = (_FLOAT, np.dtype(np.int32))


def window_axes(eqn: Any) -> list[int]:
    """The axes on which a windowed reduction does anything."""
    p = eqn.params
    columns = (p["window_dimensions"], p["window_strides"], p["padding"])
    return [
        axis
        for axis, (size, stride, pad) in enumerate(zip(*columns, strict=True))
        if size != 1 or stride != 1 or tuple(pad) != (0, 0)
    ]


def fits_kernel(eqn: Any, x: Tensor) -> bool:
    """Whether a 2-D pooling kernel can do it: float32, two axes of four, no gaps, no cropping."""
    p = eqn.params
    rank = len(p["window_dimensions"])
    gaps = any(step != 1 for step in (*p["base_dilation"], *p["window_dilation"]))
    padded = all(is_static(size) and size >= 0 for pair in p["padding"] for size in pair)
    return (
        x.dtype == _FLOAT
        and not gaps
        and padded
        and len(window_axes(eqn)) <= 2
        and rank in (2, 3, 4)
    )


def window_by_shifts(lowerer: Lowerer, eqn: Any, x: Tensor, join: str) -> Tensor:
    """A windowed reduction of any rank, stride, padding and dilation.

    Args:
        lowerer: the lowering.
        eqn: the equation of the windowed reduction.
        x: its operand.
        join: MAXIMUM, MINIMUM, ADD or MUL.

    Returns:
        The result; on each axis as many slices as the window is long.
    """
    check_dtype(lowerer, eqn, [x], _NUMBERS)
    p = eqn.params
    pads = [tuple(pair) for pair in p["padding"]]
    if not all(is_static(size) for pair in pads for size in pair):
        raise lowerer.refuse(eqn, "paddings that are numbers", "Give the axes a size.")
    lowest, highest = value_range(x.dtype)
    neutral = {"MAXIMUM": lowest, "MINIMUM": highest, "ADD": 0, "MUL": 1}[join]
    x = lowerer.full(x, eqn.invars[0].aval.shape)
    fill = scalar(lowerer, neutral, x)
    for axis, step in enumerate(p["base_dilation"]):
        if step > 1:
            x = with_gaps(lowerer, eqn, x, axis, int(step) - 1, fill)
    x = crop(lowerer, eqn, x, pads)
    x = pad_tensor(lowerer, x, [(max(low, 0), max(high, 0)) for low, high in pads], fill)
    for axis in range(x.rank):
        size, stride, dilation = (
            int(p[key][axis]) for key in ("window_dimensions", "window_strides", "window_dilation")
        )
        x = _along(lowerer, eqn, x, axis, (size, stride, dilation), join)
    return x


def _along(
    lowerer: Lowerer, eqn: Any, x: Tensor, axis: int, window: Sequence[int], join: str
) -> Tensor:
    size, stride, dilation = window
    reach = (size - 1) * dilation
    total: Tensor | None = None
    for number in range(size):
        first = number * dilation
        taken = (first, x.shape[axis] - reach + first, stride)
        bounds = [taken if a == axis else (0, dim, 1) for a, dim in enumerate(x.shape)]
        part = slice_tensor(lowerer, eqn, x, x.shape, bounds)
        total = part if total is None else binary(lowerer, join, total, part)
    assert total is not None
    return total
