"""Padding of sliding windows: SAME, VALID, or written out with PAD."""

from __future__ import annotations

from collections.abc import Sequence

from jax import lax

from ..symbolic import Dim, is_static, same_shape


def same_padding(size: Dim, window: int, stride: int, dilation: int = 1) -> tuple[Dim, ...]:
    """What SAME pads on one axis, an expression if it depends on a free size.

    The output has ceil(size / stride) elements; an odd element of padding goes behind.

    Args:
        size: elements of the input on this axis.
        window: elements of the window.
        stride: step of the window.
        dilation: distance of the window's elements.

    Returns:
        Padding before and after.

    Example:
        >>> same_padding(8, 3, 1), same_padding(8, 3, 2), same_padding(7, 3, 2)
        ((1, 1), (0, 1), (1, 1))
    """
    reach = (window - 1) * dilation + 1
    if not is_static(size):
        # With stride 1 the sizes cancel out; otherwise the remainder of size / stride decides.
        if stride == 1:
            return (reach - 1) // 2, reach // 2
        return tuple(lax.padtype_to_pads((size,), (reach,), (stride,), "SAME")[0])
    out = -(-size // stride)
    total = max((out - 1) * stride + reach - size, 0)
    return total // 2, total - total // 2


def padding_scheme(
    sizes: Sequence[Dim],
    windows: Sequence[int],
    strides: Sequence[int],
    pads: Sequence[tuple[Dim, Dim]],
    dilations: Sequence[int] | None = None,
) -> str | None:
    """`VALID`, `SAME`, or None where the pads are neither.

    Args:
        sizes: input size on each window axis.
        windows: window size on each axis.
        strides: stride on each axis.
        pads: padding before and after on each axis.
        dilations: dilation on each axis, 1 by default.

    Returns:
        Name of the scheme that pads exactly so.

    Example:
        >>> padding_scheme((8, 8), (3, 3), (1, 1), [(1, 1), (1, 1)])
        'SAME'
    """
    if all(is_static(side) and side == 0 for pair in pads for side in pair):
        return "VALID"
    axes = zip(sizes, windows, strides, dilations or [1] * len(sizes), strict=True)
    same = [same_padding(*axis) for axis in axes]
    fits = (same_shape(wanted, given) for wanted, given in zip(same, pads, strict=True))
    return "SAME" if all(fits) else None
