"""Dimensions: plain integers, or `jax.export` symbols such as `b` and `8*b`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np

Dim: TypeAlias = Any  # an int, or a symbolic dimension of jax.export, whose class is private
Shape: TypeAlias = tuple[Dim, ...]


def is_static(dim: Dim) -> bool:
    """Whether a dimension is a known number."""
    return isinstance(dim, int | np.integer)


def all_static(shape: Iterable[Dim]) -> bool:
    """Whether every dimension of a shape is a known number."""
    return all(is_static(dim) for dim in shape)


def is_one(dim: Dim) -> bool:
    """Whether a dimension is the number 1; a symbol never counts as 1."""
    return is_static(dim) and dim == 1


def plain(shape: Iterable[Dim]) -> Shape:
    """The shape with numpy integers turned into Python ones."""
    return tuple(int(dim) if is_static(dim) else dim for dim in shape)


def same_shape(left: Sequence[Dim], right: Sequence[Dim]) -> bool:
    """Whether two shapes are certainly equal."""
    return len(left) == len(right) and all(same_dim(a, b) for a, b in zip(left, right, strict=True))


def same_dim(left: Dim, right: Dim) -> bool:
    """Whether two dimensions are certainly equal; a symbol equals no number."""
    if is_static(left) or is_static(right):
        return is_static(left) and is_static(right) and left == right
    return left is right or str(left) == str(right)


def size(shape: Iterable[Dim]) -> Dim:
    """The number of elements, symbolic where a dimension is."""
    return math.prod(shape)


def broadcast(left: Sequence[Dim], right: Sequence[Dim]) -> Shape | None:
    """The shape of `left + right`, or None where it is not certain that they fit."""
    rank = max(len(left), len(right))
    out = []
    for a, b in zip(pad_rank(left, rank), pad_rank(right, rank), strict=True):
        if is_one(a) or same_dim(a, b):
            out.append(b)
        elif is_one(b):
            out.append(a)
        else:
            return None
    return tuple(out)


def pad_rank(shape: Sequence[Dim], rank: int) -> Shape:
    """The shape with leading ones up to `rank` dimensions."""
    return (1,) * (rank - len(shape)) + tuple(shape)


def strip_leading_ones(shape: Sequence[Dim]) -> Shape:
    """The shape without its leading ones."""
    first = next((i for i, dim in enumerate(shape) if not is_one(dim)), len(shape))
    return tuple(shape[first:])


def describe(shape: Iterable[Dim]) -> str:
    """The shape as text, for messages: `[b, 8]`."""
    return "[" + ", ".join(str(dim) for dim in shape) + "]"
