"""Sliding-window reductions: MAX_POOL_2D, and sums that become AVERAGE_POOL_2D."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..graph import Tensor
from ..symbolic import Dim, is_static
from .elementwise import unary
from .lowerer import Lowerer
from .registry import lowers
from .shape import pad_tensor
from .shifted_window import fits_kernel, window_axes, window_by_shifts
from .window import padding_scheme


@dataclass(frozen=True)
class _Window:
    """A window over axes 1 and 2 of an NHWC tensor."""

    x: Tensor
    sizes: tuple[int, int]
    strides: tuple[int, int]
    pads: tuple[tuple[int, int], tuple[int, int]]
    out_shape: tuple[Dim, ...]  # NHWC
    order: tuple[int, ...]  # where the original axes went


@lowers("reduce_window_max")
def lower_max_pool(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """MAX_POOL_2D over any one or two axes."""
    if not fits_kernel(eqn, inputs[0]):
        return window_by_shifts(lowerer, eqn, inputs[0], "MAXIMUM")
    window = _nhwc_window(lowerer, eqn, inputs[0])
    return _restored(lowerer, eqn, window, _max_pool(lowerer, window, window.x))


@lowers("reduce_window_min")
def lower_min_pool(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """The negative of the largest negative."""
    if not fits_kernel(eqn, inputs[0]):
        return window_by_shifts(lowerer, eqn, inputs[0], "MINIMUM")
    window = _nhwc_window(lowerer, eqn, inputs[0])
    pooled = _max_pool(lowerer, window, unary(lowerer, "NEG", window.x))
    return _restored(lowerer, eqn, window, unary(lowerer, "NEG", pooled))


@lowers("reduce_window")
def lower_window_product(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """A window of products; other reductions of the user's own have no operator."""
    x, start = inputs[0], inputs[-1]
    body = eqn.params["jaxpr"].eqns
    products = len(body) == 1 and body[0].primitive.name == "mul"
    if not products or start.data is None or np.any(start.data != 1):
        raise lowerer.refuse(
            eqn, "a window of sums, products, minima or maxima", "Combine slices in a Python loop."
        )
    return window_by_shifts(lowerer, eqn, x, "MUL")


def _max_pool(lowerer: Lowerer, window: _Window, x: Tensor) -> Tensor:
    scheme = padding_scheme(x.shape[1:3], window.sizes, window.strides, window.pads)
    if scheme is None:
        x = pad_tensor(lowerer, x, [(0, 0), *window.pads, (0, 0)], -np.inf)
    options = pool_options(window.sizes, window.strides, scheme or "VALID")
    return lowerer.graph.add("MAX_POOL_2D", [x], window.out_shape, **options)


@lowers("reduce_window_sum")
def lower_sum_pool(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """An intermediate `sum_pool`, which a rewrite joins with the division that makes it a mean."""
    if inputs[0].data is not None:
        return _counts(lowerer, eqn, inputs[0])
    if not fits_kernel(eqn, inputs[0]):
        return window_by_shifts(lowerer, eqn, inputs[0], "ADD")
    window = _nhwc_window(lowerer, eqn, inputs[0])
    pooled = lowerer.graph.add(
        "sum_pool",
        [window.x],
        window.out_shape,
        sizes=window.sizes,
        strides=window.strides,
        pads=window.pads,
    )
    return _restored(lowerer, eqn, window, pooled)


def _counts(lowerer: Lowerer, eqn: Any, ones: Tensor) -> Tensor:
    """Windows over a constant, which is only broadcast along the free axes."""
    p = eqn.params
    shape = []
    for dim, size in zip(eqn.invars[0].aval.shape, p["window_dimensions"], strict=True):
        if size == 1:
            shape.append(1)
        elif is_static(dim):
            shape.append(dim)
        else:
            raise lowerer.refuse(eqn, "windows over axes of known size", "Give that axis a size.")
    padded = lowerer.rank_padded(ones, len(shape))
    data = padded.data
    assert data is not None
    shape = [max(own, wanted) for own, wanted in zip(data.shape, shape, strict=True)]
    whole = np.broadcast_to(data, shape)
    bound = eqn.primitive.bind(np.ascontiguousarray(whole), **p)
    return lowerer.graph.constant(np.asarray(bound))


def pool_options(sizes: Sequence[int], strides: Sequence[int], scheme: str) -> dict[str, Any]:
    """Options of MAX_POOL_2D and AVERAGE_POOL_2D."""
    return {
        "padding": scheme,
        "stride_h": strides[0],
        "stride_w": strides[1],
        "filter_height": sizes[0],
        "filter_width": sizes[1],
        "fused_activation_function": "NONE",
    }


def _nhwc_window(lowerer: Lowerer, eqn: Any, x: Tensor) -> _Window:
    """The window with its axes moved to height and width, and other axes to batch and channels."""
    axes = window_axes(eqn)
    return _arranged(lowerer, eqn, x, axes)


def _arranged(lowerer: Lowerer, eqn: Any, x: Tensor, axes: list[int]) -> _Window:
    p = eqn.params
    shape = eqn.invars[0].aval.shape
    rest = [a for a in range(len(shape)) if a not in axes]
    # Any idle axis may serve as height; keeping order makes the transpose an identity for NHWC.
    while len(axes) < 2 and len(rest) > 2:
        axes = sorted([*axes, rest.pop(1)])
    front, back = rest[:1], rest[1:]
    order = (*front, *axes, *back)
    moved = lowerer.transpose(lowerer.full(x, shape), order)
    # Missing axes become 1: batch in front, height before width, channels behind.
    slots = [front, axes[:-1], axes[-1:], back]

    def take(values: Sequence[Any], fill: Any) -> list[Any]:
        return [values[slot[0]] if slot else fill for slot in slots]

    moved = lowerer.reshape(moved, take(shape, 1))
    sizes = take(p["window_dimensions"], 1)[1:3]
    strides = take(p["window_strides"], 1)[1:3]
    pads = take([tuple(map(int, pair)) for pair in p["padding"]], (0, 0))[1:3]
    out = take(eqn.outvars[0].aval.shape, 1)
    return _Window(moved, _pair(sizes), _pair(strides), _pair(pads), tuple(out), order)


def _pair(values: Sequence[Any]) -> tuple[Any, Any]:
    height, width = values
    return height, width


def _restored(lowerer: Lowerer, eqn: Any, window: _Window, y: Tensor) -> Tensor:
    """The pooled tensor with the axes where the equation has them."""
    out_shape = eqn.outvars[0].aval.shape
    flat = lowerer.reshape(y, [out_shape[axis] for axis in window.order])
    back = [window.order.index(axis) for axis in range(len(out_shape))]
    return lowerer.transpose(flat, back)
