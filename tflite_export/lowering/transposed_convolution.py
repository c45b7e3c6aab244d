"""A convolution over a spread-out input is a transposed one: y[i*stride - pad + j] += x[i] w[j]."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..graph import Tensor
from ..symbolic import Dim, is_static
from .lowerer import Lowerer
from .window import same_padding


def transposed_convolution(
    lowerer: Lowerer,
    eqn: Any,
    x: Tensor,
    kernel: Tensor,
    strides: Sequence[int],
    pads: Sequence[tuple[int, int]],
    out_spatial: Sequence[Dim],
) -> Tensor:
    """An intermediate `transpose_conv`, whose output shape operand `legalise` adds.

    Args:
        lowerer: the lowering.
        eqn: the equation, for errors.
        x: input, NHWC.
        kernel: constant kernel of the convolution over the spread-out input, OHWI.
        strides: spreading of the input.
        pads: padding of the spread-out input.
        out_spatial: height and width of the output.

    Returns:
        The output, NHWC.
    """
    if kernel.data is None:
        raise lowerer.refuse(eqn, "constant weights", "Close over the weights as arrays.")
    windows = kernel.shape[1:3]
    # Padding of the forward convolution that this one is the transpose of.
    forward = [(w - 1 - low, w - 1 - high) for w, (low, high) in zip(windows, pads, strict=True)]
    axes = list(zip(x.shape[1:3], windows, strides, out_spatial, forward, strict=True))
    if all(_is_same(*axis) for axis in axes):
        scheme = "SAME"
    elif all(before == 0 and after <= 0 for before, after in forward):
        scheme = "VALID"
    else:
        raise lowerer.refuse(
            eqn, "a transposed convolution with SAME or VALID padding", "Crop the result instead."
        )
    flipped = lowerer.graph.constant(np.ascontiguousarray(kernel.data[:, ::-1, ::-1]))
    units = kernel.shape[0]
    bias = lowerer.graph.constant(np.zeros(units, np.float32))
    return lowerer.graph.add(
        "transpose_conv",
        [x, flipped, bias],
        (x.shape[0], *out_spatial, units),
        padding=scheme,
        stride_h=strides[0],
        stride_w=strides[1],
        fused_activation_function="NONE",
    )


def _is_same(size: Dim, window: int, stride: int, out: Dim, forward: tuple[int, int]) -> bool:
    pads = same_padding(out, window, stride)
    if pads is None or not is_static(size) or -(-out // stride) != size:
        return False
    # SAME never pads a negative amount: a window shorter than its stride leaves gaps instead.
    return pads[0] == forward[0] and pads[1] == max(forward[1], 0)
