"""conv_general_dilated: CONV_2D and DEPTHWISE_CONV_2D, one-dimensional ones with a height of 1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..graph import Tensor
from ..symbolic import Dim, is_static
from .elementwise import check_dtype
from .lowerer import Lowerer
from .registry import lowers
from .shape import pad_tensor
from .transposed_convolution import transposed_convolution
from .window import padding_scheme


@dataclass(frozen=True)
class _Conv:
    """A two-dimensional convolution: `x` NHWC, `kernel` OHWI."""

    x: Tensor
    kernel: Tensor
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    spread: tuple[int, ...]  # dilation of the input: strides of a transposed convolution
    pads: tuple[tuple[int, int], ...]
    groups: int
    out_spatial: tuple[Dim, ...]


@lowers("conv_general_dilated")
def lower_convolution(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """One CONV_2D or DEPTHWISE_CONV_2D, with reshapes around it for one spatial axis."""
    check_dtype(lowerer, eqn, inputs, (np.dtype(np.float32),))
    _check_supported(lowerer, eqn)
    conv = _normalised(lowerer, eqn, inputs)
    flat = len(conv.strides) == 1
    if flat:
        conv = _with_height(lowerer, conv)
    if any(dilation != 1 for dilation in conv.spread):
        y = transposed_convolution(
            lowerer, eqn, conv.x, conv.kernel, conv.spread, conv.pads, conv.out_spatial
        )
    else:
        y = _convolve(lowerer, conv)
    if flat:
        y = lowerer.reshape(y, (y.shape[0], *y.shape[2:]))
    # From NHWC to the layout that the equation asks for.
    out_spec = eqn.params["dimension_numbers"].out_spec
    order = [0] * y.rank
    for position, axis in enumerate((out_spec[0], *out_spec[2:], out_spec[1])):
        order[axis] = position
    return lowerer.transpose(y, order)


def _check_supported(lowerer: Lowerer, eqn: Any) -> None:
    p = eqn.params
    spatial = len(p["window_strides"])
    if spatial not in (1, 2):
        raise lowerer.refuse(eqn, "a convolution over one or two axes", "Split it into 2-D ones.")
    if p["batch_group_count"] != 1:
        raise lowerer.refuse(eqn, "batch_group_count=1", "Use feature_group_count.")
    if any(dilation != 1 for dilation in p["lhs_dilation"]) and (
        p["feature_group_count"] != 1
        or any(step != 1 for step in (*p["window_strides"], *p["rhs_dilation"]))
    ):
        raise lowerer.refuse(
            eqn,
            "a transposed convolution without groups, dilation and strides besides its own",
            "Upsample with jnp.repeat and follow with a convolution.",
        )
    if not all(is_static(size) for pair in p["padding"] for size in pair):
        raise lowerer.refuse(
            eqn, "padding that does not depend on a free size", "Give the spatial axes a size."
        )
    if any(size < 0 for pair in p["padding"] for size in pair):
        raise lowerer.refuse(eqn, "padding of at least 0", "Crop with a slice instead.")


def _normalised(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> _Conv:
    p = eqn.params
    numbers = p["dimension_numbers"]
    x, kernel = (lowerer.full(t, v.aval.shape) for t, v in zip(inputs, eqn.invars, strict=True))
    lhs, rhs, out = numbers.lhs_spec, numbers.rhs_spec, numbers.out_spec
    return _Conv(
        lowerer.transpose(x, (lhs[0], *lhs[2:], lhs[1])),
        lowerer.transpose(kernel, (rhs[0], *rhs[2:], rhs[1])),
        tuple(map(int, p["window_strides"])),
        tuple(map(int, p["rhs_dilation"])),
        tuple(map(int, p["lhs_dilation"])),
        tuple((int(low), int(high)) for low, high in p["padding"]),
        int(p["feature_group_count"]),
        tuple(eqn.outvars[0].aval.shape[axis] for axis in out[2:]),
    )


def _with_height(lowerer: Lowerer, conv: _Conv) -> _Conv:
    batch, length, channels = conv.x.shape
    units, window, depth = conv.kernel.shape
    return replace(
        conv,
        x=lowerer.reshape(conv.x, (batch, 1, length, channels)),
        kernel=lowerer.reshape(conv.kernel, (units, 1, window, depth)),
        strides=(1, *conv.strides),
        dilations=(1, *conv.dilations),
        spread=(1, *conv.spread),
        pads=((0, 0), *conv.pads),
        out_spatial=(1, *conv.out_spatial),
    )


def _convolve(lowerer: Lowerer, conv: _Conv) -> Tensor:
    windows = conv.kernel.shape[1:3]
    scheme = padding_scheme(conv.x.shape[1:3], windows, conv.strides, conv.pads, conv.dilations)
    x = conv.x
    if scheme is None:
        x, scheme = pad_tensor(lowerer, x, [(0, 0), *conv.pads, (0, 0)]), "VALID"
    units, channels = conv.kernel.shape[0], x.shape[3]
    options = {
        "padding": scheme,
        "stride_h": conv.strides[0],
        "stride_w": conv.strides[1],
        "fused_activation_function": "NONE",
        "dilation_h_factor": conv.dilations[0],
        "dilation_w_factor": conv.dilations[1],
    }
    kind, kernel = "CONV_2D", conv.kernel
    # With one input channel a plain convolution is the same, and the kernel for it is faster.
    if conv.groups == channels and channels > 1:
        kind, kernel = "DEPTHWISE_CONV_2D", lowerer.transpose(kernel, (3, 1, 2, 0))
        options["depth_multiplier"] = units // channels
    # Every kernel wants a bias; fusing adds into it. XNNPACK and TFLite Micro both take zeros.
    bias = lowerer.graph.constant(np.zeros(units, np.float32))
    shape = (x.shape[0], *conv.out_spatial, units)
    return lowerer.graph.add(kind, [x, kernel, bias], shape, **options)
