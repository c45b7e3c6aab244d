"""conv_general_dilated: CONV_2D, DEPTHWISE_CONV_2D, CONV_3D; one axis gets a height of 1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..graph import Graph, Tensor
from ..symbolic import Dim, Shape, is_static, plain
from .elementwise import check_dtype
from .lowerer import Lowerer
from .padding import crop, with_gaps
from .registry import lowers
from .shape import pad_tensor
from .transposed_convolution import transposed_convolution
from .window import padding_scheme


@dataclass(frozen=True)
class _Conv:
    """A convolution: `x` channels last; `kernel` output channels first, input ones last."""

    x: Tensor
    kernel: Tensor
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    spread: tuple[int, ...]  # dilation of the input: strides of a transposed convolution
    pads: tuple[Shape, ...]  # before and after each spatial axis
    groups: int
    out_spatial: tuple[Dim, ...]

    @property
    def windows(self) -> tuple[int, ...]:
        """Size of the kernel on each spatial axis."""
        return tuple(self.kernel.shape[1:-1])

    def is_transposed(self) -> bool:
        """Whether it is the transpose of a convolution without groups, for which there is an op."""
        spreads = any(step != 1 for step in self.spread)
        plain = self.groups == 1 and all(step == 1 for step in self.strides)
        return spreads and plain and self.kernel.data is not None


@lowers("conv_general_dilated")
def lower_convolution(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """One convolution, with reshapes around it for one spatial axis."""
    check_dtype(lowerer, eqn, inputs, (np.dtype(np.float32),))
    _check_supported(lowerer, eqn)
    conv = _normalised(lowerer, eqn, inputs)
    flat = len(conv.strides) == 1
    if flat:
        conv = _with_height(lowerer, conv)
    if conv.is_transposed():
        _check_pads(lowerer, eqn, conv)
        y = transposed_convolution(
            lowerer, eqn, conv.x, _spread_kernel(lowerer, conv), conv.spread, conv.pads
        )
    else:
        y = _convolve(lowerer, eqn, _without_gaps(lowerer, eqn, conv))
    if flat:
        y = lowerer.reshape(y, (y.shape[0], *y.shape[2:]))
    # From channels last to the layout that the equation asks for.
    out_spec = eqn.params["dimension_numbers"].out_spec
    order = [0] * y.rank
    for position, axis in enumerate((out_spec[0], *out_spec[2:], out_spec[1])):
        order[axis] = position
    return lowerer.transpose(y, order)


def _check_supported(lowerer: Lowerer, eqn: Any) -> None:
    p = eqn.params
    if len(p["window_strides"]) not in (1, 2, 3):
        raise lowerer.refuse(
            eqn, "a convolution over one to three axes", "Split it into smaller ones."
        )
    if p["batch_group_count"] != 1:
        raise lowerer.refuse(eqn, "batch_group_count=1", "Use feature_group_count.")


def _check_pads(lowerer: Lowerer, eqn: Any, conv: _Conv) -> None:
    if not all(is_static(size) for pair in conv.pads for size in pair):
        raise lowerer.refuse(
            eqn,
            "padding that does not depend on a free size, or SAME",
            "Give the spatial axes a size.",
        )


def _spread_kernel(lowerer: Lowerer, conv: _Conv) -> Tensor:
    """The kernel with zeros between its elements, for a dilated transposed convolution."""
    data = conv.kernel.data
    assert data is not None
    shape = list(data.shape)
    for axis, step in enumerate(conv.dilations, start=1):
        shape[axis] = (shape[axis] - 1) * step + 1
    wide = np.zeros(shape, data.dtype)
    wide[(slice(None), *(slice(None, None, step) for step in conv.dilations))] = data
    return lowerer.graph.constant(wide)


def _without_gaps(lowerer: Lowerer, eqn: Any, conv: _Conv) -> _Conv:
    """A plain convolution over an input whose gaps are written out."""
    x, zero = conv.x, lowerer.graph.constant(np.float32(0))
    for axis, step in enumerate(conv.spread, start=1):
        if step > 1:
            x = with_gaps(lowerer, eqn, x, axis, step - 1, zero)
    return replace(conv, x=x, spread=(1,) * len(conv.spread))


def _cropped(lowerer: Lowerer, eqn: Any, conv: _Conv) -> _Conv:
    """Negative padding as a slice."""
    x = crop(lowerer, eqn, conv.x, [(0, 0), *conv.pads, (0, 0)])
    pads = tuple((max(low, 0), max(high, 0)) for low, high in conv.pads)
    return replace(conv, x=x, pads=pads)


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
        tuple(plain(pair) for pair in p["padding"]),
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


def _convolve(lowerer: Lowerer, eqn: Any, conv: _Conv) -> Tensor:
    scheme = padding_scheme(
        conv.x.shape[1:-1], conv.windows, conv.strides, conv.pads, conv.dilations
    )
    if scheme is None:
        _check_pads(lowerer, eqn, conv)
        conv = _cropped(lowerer, eqn, conv)
        padded = pad_tensor(lowerer, conv.x, [(0, 0), *conv.pads, (0, 0)])
        conv, scheme = replace(conv, x=padded), "VALID"
    if len(conv.strides) == 3:
        return _grouped_3d(lowerer, conv, scheme)
    units, channels = conv.kernel.shape[0], conv.x.shape[3]
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
    shape = (conv.x.shape[0], *conv.out_spatial, units)
    return lowerer.graph.add(kind, [conv.x, kernel, _no_bias(lowerer, units)], shape, **options)


def _no_bias(lowerer: Lowerer, units: int) -> Tensor:
    """Every kernel wants a bias; fusing adds into it. XNNPACK and TFLite Micro both take zeros."""
    return lowerer.graph.constant(np.zeros(units, np.float32))


def _grouped_3d(lowerer: Lowerer, conv: _Conv, scheme: str) -> Tensor:
    """CONV_3D, whose kernel has no groups: one for each group of channels."""
    graph, shape = lowerer.graph, (conv.x.shape[0], *conv.out_spatial, conv.kernel.shape[0])
    kernel = lowerer.transpose(conv.kernel, (1, 2, 3, 4, 0))
    parts = [conv.x], [kernel]
    if conv.groups > 1:
        parts = _split(graph, conv.x, conv.groups), _split(graph, kernel, conv.groups)
    options = {
        "padding": scheme,
        **{f"stride_{axis}": step for axis, step in zip("dhw", conv.strides, strict=True)},
        "fused_activation_function": "NONE",
        **{
            f"dilation_{axis}_factor": step
            for axis, step in zip("dhw", conv.dilations, strict=True)
        },
    }
    units = conv.kernel.shape[0] // conv.groups
    results = [
        graph.add("CONV_3D", [x, k, _no_bias(lowerer, units)], (*shape[:4], units), **options)
        for x, k in zip(*parts, strict=True)
    ]
    return results[0] if len(results) == 1 else graph.add("CONCATENATION", results, shape, axis=4)


def _split(graph: Graph, x: Tensor, count: int) -> list[Tensor]:
    """Equal parts of the last axis."""
    if x.data is not None:
        return [graph.constant(np.ascontiguousarray(p)) for p in np.split(x.data, count, -1)]
    shape = (*x.shape[:-1], x.shape[-1] // count)
    outputs = [Tensor(shape, x.dtype) for _ in range(count)]
    axis = graph.constant(np.int32(x.rank - 1))
    return graph.add_many("SPLIT", [axis, x], outputs, num_splits=count)
