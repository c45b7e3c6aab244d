"""Lowering: one function for each JAX primitive, found in `LOWERINGS` by its name."""

from . import (  # noqa: F401  (importing them registers their lowerings)
    bits,
    complex_values,
    convolution,
    cumulative,
    elementwise,
    fourier,
    gather,
    logic,
    matmul,
    named,
    padding,
    pooling,
    reduction,
    scatter,
    shape,
    slicing,
    sorting,
    special,
)
from .lowerer import Lowerer
from .registry import LOWERINGS, lowers

__all__ = ["LOWERINGS", "Lowerer", "lowers"]
