"""Operators on images from the products, gathers and reshapes that they arrive as."""

from __future__ import annotations

import numpy as np

from ..graph import Graph, Op, Tensor
from ..symbolic import Dim, is_static, same_dim, same_shape
from .driver import RuleSet

images = RuleSet()

_HEIGHT, _WIDTH = 1, 2
_CLOSE = 1e-6  # of weights that sum to 1


# Nearest neighbours.


@images.on("GATHER")
def nearest_from_gather(graph: Graph, op: Op) -> bool:
    """Constant positions floor((i + 0.5) * old / new) along height or width."""
    x, places = op.operand(0), op.operand(1).data
    axis = op.options["axis"]
    if not _is_image(x) or places is None or places.ndim != 1 or axis not in (_HEIGHT, _WIDTH):
        return False
    length, count = x.shape[axis], len(places)
    wanted = np.floor((np.arange(count) + 0.5) * length / count)
    if count <= length or not np.array_equal(places, wanted):
        return False
    graph.replace(op.out, _nearest(graph, x, op.out.shape[1:3]))
    return True


@images.on("RESHAPE")
def nearest_from_repeat(graph: Graph, op: Op) -> bool:
    """Each row or column several times in a row: an axis put in, broadcast, and merged again."""
    spread = op.operand(0).producer
    if spread is None or spread.kind != "broadcast":
        return False
    x = spread.operand(0)
    if x.producer is not None and x.producer.kind == "RESHAPE":
        x = x.producer.operand(0)
    if not _is_image(x) or op.out.rank != 4:
        return False
    for axis in (_HEIGHT, _WIDTH):
        old, new = x.shape[axis], op.out.shape[axis]
        if not is_static(new) or new <= old or new % old:
            continue
        repeated = (*x.shape[: axis + 1], new // old, *x.shape[axis + 1 :])
        apart = (*x.shape[: axis + 1], 1, *x.shape[axis + 1 :])
        final = (*x.shape[:axis], new, *x.shape[axis + 1 :])
        source = spread.operand(0)
        if (
            same_shape(spread.out.shape, repeated)
            and same_shape(source.shape, apart)
            and same_shape(op.out.shape, final)
        ):
            graph.replace(op.out, _nearest(graph, x, op.out.shape[1:3]))
            return True
    return False


@images.on("RESIZE_NEAREST_NEIGHBOR")
def one_nearest(graph: Graph, op: Op) -> bool:
    """One resize of the height and one of the width are one of both."""
    before = graph.sole_producer(op.operand(0), "RESIZE_NEAREST_NEIGHBOR")
    if before is None:
        return False
    x, middle, out = before.operand(0), before.out.shape, op.out.shape
    apart = all(
        same_dim(x.shape[axis], middle[axis]) or same_dim(middle[axis], out[axis])
        for axis in (_HEIGHT, _WIDTH)
    )
    if not apart:
        return False
    graph.replace(op.out, _nearest(graph, x, out[1:3]))
    return True


def _nearest(graph: Graph, x: Tensor, size: tuple[Dim, ...]) -> Tensor:
    # From the middle of the pixels: at their corners, rounding could fall into the neighbour.
    shape = (x.shape[0], *size, x.shape[3])
    options = {"align_corners": False, "half_pixel_centers": True}
    return graph.add("RESIZE_NEAREST_NEIGHBOR", [x, graph.ints(size)], shape, **options)


def _is_image(x: Tensor) -> bool:
    return x.rank == 4 and all(map(is_static, x.shape[1:3])) and x.dtype == np.float32


# Linear interpolation.


@images.on("TRANSPOSE", "FULLY_CONNECTED")
def bilinear(graph: Graph, op: Op) -> bool:
    """Products with the two matrices of weights that RESIZE_BILINEAR computes by itself."""
    found = _products_by_axis(graph, op.out)
    if found is None:
        return False
    x, matrices = found
    if not _is_image(x) or not matrices or not set(matrices) <= {_HEIGHT, _WIDTH}:
        return False
    for matrix in matrices.values():
        new, old = matrix.shape
        if new <= old or not np.allclose(matrix, _hat_weights(old, new), rtol=0, atol=_CLOSE):
            return False
    size = op.out.shape[1:3]
    options = {"align_corners": False, "half_pixel_centers": True}
    graph.replace(
        op.out, graph.add("RESIZE_BILINEAR", [x, graph.ints(size)], op.out.shape, **options)
    )
    return True


def _products_by_axis(graph: Graph, tensor: Tensor) -> tuple[Tensor, dict[int, np.ndarray]] | None:
    """What transposes and products along single axes make of an image, axes in their places."""
    # order[i]: which axis of the tensor in hand axis i of the result is.
    order = list(range(tensor.rank))
    products: list[tuple[int, np.ndarray]] = []
    op = tensor.producer
    while op is not None and op.kind in ("TRANSPOSE", "FULLY_CONNECTED"):
        if op.kind == "TRANSPOSE":
            permutation = op.operand(1).data
            assert permutation is not None
            order = [int(permutation[axis]) for axis in order]
        else:
            weights, bias = op.operand(1).data, op.inputs[2]
            plain = bias is None and op.options["fused_activation_function"] == "NONE"
            if weights is None or not plain or op.operand(0).rank != tensor.rank:
                return None
            products.append((order.index(tensor.rank - 1), weights))
        x = op.operand(0)
        op = graph.sole_producer(x, "TRANSPOSE", "FULLY_CONNECTED")
    axes = dict(products)
    if not products or len(axes) != len(products) or order != sorted(order):
        return None
    return x, axes


def _hat_weights(old: int, new: int) -> np.ndarray:
    """Weights of linear interpolation between middles of pixels, [new, old]; edges are repeated."""
    places = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
    return np.maximum(0.0, 1.0 - np.abs(places[:, None] - np.arange(old)[None]))


# Blocks of pixels and channels.


@images.on("RESHAPE")
def blocks(graph: Graph, op: Op) -> bool:
    """SPACE_TO_DEPTH and DEPTH_TO_SPACE."""
    turn = graph.sole_producer(op.operand(0), "TRANSPOSE")
    apart = None if turn is None else graph.sole_producer(turn.operand(0), "RESHAPE")
    if turn is None or apart is None or op.out.rank != 4 or apart.operand(0).rank != 4:
        return False
    order, x, split = turn.operand(1).data, apart.operand(0), apart.out.shape
    if order is None or order.tolist() != [0, 1, 3, 2, 4, 5] or x.dtype != np.float32:
        return False
    batch, *sizes, channels = split
    if not all(map(is_static, (*sizes, channels))):
        return False
    rows, second, third, fourth = sizes
    if second == fourth and second > 1:
        small, block = (batch, rows, third, channels * second**2), second
        large = (batch, rows * second, third * second, channels)
        if same_shape(x.shape, large) and same_shape(op.out.shape, small):
            y = graph.add("SPACE_TO_DEPTH", [x], op.out.shape, block_size=block)
            graph.replace(op.out, y)
            return True
    if third == fourth and third > 1:
        small = (batch, rows, second, channels * third**2)
        large = (batch, rows * third, second * third, channels)
        if same_shape(x.shape, small) and same_shape(op.out.shape, large):
            y = graph.add("DEPTH_TO_SPACE", [x], op.out.shape, block_size=third)
            graph.replace(op.out, y)
            return True
    return False
