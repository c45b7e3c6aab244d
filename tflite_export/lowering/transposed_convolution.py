"""A convolution over a spread-out input is a transposed one: y[i*stride - pad + j] += x[i] w[j]."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..graph import Tensor
from ..symbolic import Dim, is_static
from .lowerer import Lowerer
from .padding import crop
from .shape import pad_tensor
from .window import same_padding


def transposed_convolution(
    lowerer: Lowerer,
    eqn: Any,
    x: Tensor,
    kernel: Tensor,
    strides: Sequence[int],
    pads: Sequence[tuple[int, int]],
) -> Tensor:
    """An intermediate `transpose_conv`, whose output shape operand `legalise` adds.

    Args:
        lowerer: the lowering.
        eqn: the equation, for slices.
        x: input, channels last.
        kernel: constant kernel of the convolution over the spread-out input: output channels, two
            or three spatial axes, input channels.
        strides: spreading of the input.
        pads: padding of the spread-out input.

    Returns:
        The output, channels last.
    """
    windows = kernel.shape[1:-1]
    # Padding of the forward convolution that this one is the transpose of.
    forward = [(w - 1 - low, w - 1 - high) for w, (low, high) in zip(windows, pads, strict=True)]
    whole = [(n - 1) * step + w for n, step, w in zip(x.shape[1:-1], strides, windows, strict=True)]
    sizes = [n - low - high for n, (low, high) in zip(whole, forward, strict=True)]
    axes = list(zip(x.shape[1:-1], windows, strides, sizes, forward, strict=True))
    if all(_is_same(*axis) for axis in axes):
        return _transpose_conv(lowerer, x, kernel, strides, sizes, "SAME")
    if all(before == 0 and after <= 0 for before, after in forward):
        return _transpose_conv(lowerer, x, kernel, strides, sizes, "VALID")
    # Neither scheme of the kernel: everything that x reaches, then cropped or padded.
    y = _transpose_conv(lowerer, x, kernel, strides, whole, "VALID")
    edges = [(0, 0), *((-low, -high) for low, high in forward), (0, 0)]
    y = crop(lowerer, eqn, y, edges)
    return pad_tensor(lowerer, y, [(max(low, 0), max(high, 0)) for low, high in edges])


def _transpose_conv(
    lowerer: Lowerer,
    x: Tensor,
    kernel: Tensor,
    strides: Sequence[int],
    sizes: Sequence[Dim],
    scheme: str,
) -> Tensor:
    data = kernel.data
    assert data is not None
    spatial = len(strides)
    flipped = np.flip(data, tuple(range(1, 1 + spatial)))
    units = kernel.shape[0]
    kind, axes = "transpose_conv", "hw"
    if spatial == 3:  # its kernel wants the channels behind
        kind, axes, flipped = "transpose_conv_3d", "dhw", np.moveaxis(flipped, 0, 3)
    return lowerer.graph.add(
        kind,
        [
            x,
            lowerer.graph.constant(np.ascontiguousarray(flipped)),
            lowerer.graph.constant(np.zeros(units, np.float32)),
        ],
        (x.shape[0], *sizes, units),
        padding=scheme,
        **{f"stride_{axis}": step for axis, step in zip(axes, strides, strict=True)},
        fused_activation_function="NONE",
    )


def _is_same(size: Dim, window: int, stride: int, out: Dim, forward: tuple[int, int]) -> bool:
    pads = same_padding(out, window, stride)
    if pads is None or not is_static(size) or -(-out // stride) != size:
        return False
    # SAME never pads a negative amount: a window shorter than its stride leaves gaps instead.
    return pads[0] == forward[0] and pads[1] == max(forward[1], 0)
