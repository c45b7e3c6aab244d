"""Fourier transforms as products with constant matrices, one axis after the other.

A product runs in the same XNNPACK partition as the layers around it, takes any length and, unlike
the RFFT2D kernel, every direction; but its matrices have length * bins numbers each. So long real
transforms whose length is a power of two use that kernel.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jax.lax import FftType

from ..graph import Tensor
from ..symbolic import is_static
from .complex_values import COMPLEX, Parts, joined, parts
from .elementwise import binary
from .lowerer import Lowerer
from .registry import lowers_complex

_LONGEST = 4096
_SHORTEST_FOR_KERNEL = 256


@lowers_complex("fft")
def lower_fft(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """The last axis, then the ones before it; the other way round for real results."""
    kind, lengths = FftType(eqn.params["fft_type"]), eqn.params["fft_lengths"]
    by_kernel = kind == FftType.RFFT and len(lengths) == 1 and _suits_kernel(lengths[-1])
    if not by_kernel and not all(is_static(n) and n <= _LONGEST for n in lengths):
        raise lowerer.refuse(
            eqn, f"transforms of at most {_LONGEST} elements", "Transform shorter windows."
        )
    shape = eqn.invars[0].aval.shape
    real, imaginary = (lowerer.full(part, shape) for part in parts(lowerer, inputs[0]))
    *outer, last = range(len(shape) - len(lengths), len(shape))
    inverse = kind in (FftType.IFFT, FftType.IRFFT)
    pair: Parts = (real, imaginary)
    if by_kernel:
        pair = _by_kernel(lowerer, real, last)
    elif kind == FftType.RFFT:
        angles = _angles(lengths[-1], lengths[-1])[:, : lengths[-1] // 2 + 1]
        matrices = np.cos(angles), -np.sin(angles)
        pair = (
            _product(lowerer, real, matrices[0], last),
            _product(lowerer, real, matrices[1], last),
        )
    elif kind != FftType.IRFFT:
        pair = _transformed(lowerer, pair, last, inverse)
    for axis in reversed(outer):
        pair = _transformed(lowerer, pair, axis, inverse)
    if kind == FftType.IRFFT:
        return _to_real(lowerer, pair, last, lengths[-1])
    return joined(lowerer, *pair)


def _suits_kernel(length: int) -> bool:
    """Whether RFFT2D takes this length, and matrices would make the file large."""
    return length >= _SHORTEST_FOR_KERNEL and length & (length - 1) == 0


def _by_kernel(lowerer: Lowerer, x: Tensor, axis: int) -> Parts:
    """RFFT2D over one row, then its REAL and IMAG parts."""
    last = x.rank - 1
    moved = lowerer.transpose(x, [*(a for a in range(x.rank) if a != axis), axis])
    length = moved.shape[-1]
    rows = lowerer.reshape(moved, (*moved.shape[:-1], 1, length))
    shape = (*moved.shape[:-1], 1, length // 2 + 1)
    sizes = lowerer.graph.ints([1, length])
    spectrum = lowerer.graph.add("RFFT2D", [rows, sizes], shape, COMPLEX)

    def part(kind: str) -> Tensor:
        y = lowerer.graph.add(kind, [spectrum], shape, np.float32)
        y = lowerer.reshape(y, (*shape[:-2], shape[-1]))
        return lowerer.transpose(y, [*range(axis), last, *range(axis, last)])

    return part("REAL"), part("IMAG")


def _angles(rows: int, columns: int) -> np.ndarray:
    """2 pi j k / rows, from the remainder of j k, which keeps large products exact."""
    product = np.outer(np.arange(rows), np.arange(columns)) % rows
    return 2 * np.pi / rows * product


def _transformed(lowerer: Lowerer, pair: Parts, axis: int, inverse: bool) -> Parts:
    """The complex transform along one axis."""
    length = pair[0].shape[axis]
    angles = _angles(length, length)
    scale, sign = (1 / length, 1.0) if inverse else (1.0, -1.0)
    cosine, sine = np.cos(angles) * scale, sign * np.sin(angles) * scale
    a, b = pair
    if b.data is not None and not b.data.any():
        return _product(lowerer, a, cosine, axis), _product(lowerer, a, sine, axis)
    real = binary(
        lowerer, "SUB", _product(lowerer, a, cosine, axis), _product(lowerer, b, sine, axis)
    )
    imaginary = binary(
        lowerer, "ADD", _product(lowerer, a, sine, axis), _product(lowerer, b, cosine, axis)
    )
    return real, imaginary


def _to_real(lowerer: Lowerer, pair: Parts, axis: int, length: int) -> Tensor:
    """The inverse transform of half a spectrum: every bin but the ends counts twice."""
    bins = length // 2 + 1
    angles = _angles(length, length)[:bins]
    weight = np.full((bins, 1), 2.0 / length)
    weight[0] /= 2
    if length % 2 == 0:
        weight[-1] /= 2
    even = _product(lowerer, pair[0], weight * np.cos(angles), axis)
    odd = _product(lowerer, pair[1], -weight * np.sin(angles), axis)
    return binary(lowerer, "ADD", even, odd)


def _product(lowerer: Lowerer, x: Tensor, matrix: np.ndarray, axis: int) -> Tensor:
    """`x @ matrix` along an axis, as FULLY_CONNECTED with the axis last."""
    last = x.rank - 1
    moved = lowerer.transpose(x, [*(a for a in range(x.rank) if a != axis), axis])
    rows, columns = matrix.shape
    batch = moved.shape[:-1] or (1,)
    weights = lowerer.graph.constant(np.ascontiguousarray(matrix.T, np.float32))
    y = lowerer.graph.add(
        "FULLY_CONNECTED",
        [lowerer.reshape(moved, (*batch, rows)), weights, None],
        (*batch, columns),
        fused_activation_function="NONE",
        keep_num_dims=len(batch) > 1,
    )
    y = lowerer.reshape(y, (*moved.shape[:-1], columns))
    return lowerer.transpose(y, [*range(axis), last, *range(axis, last)])
