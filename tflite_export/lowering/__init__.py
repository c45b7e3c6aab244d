"""Lowering: one function for each JAX primitive, found in `LOWERINGS` by its name."""

from . import (  # noqa: F401  (importing them registers their lowerings)
    bits,
    carried,
    complex_values,
    conditional,
    convolution,
    cumulative,
    elementwise,
    fourier,
    gather,
    logic,
    loops,
    matmul,
    named,
    narrow,
    padding,
    pooling,
    reduction,
    scan,
    scatter,
    shape,
    slicing,
    sorting,
    special,
)
from .lowerer import Lowerer
from .registry import LOWERINGS, lowers

__all__ = ["LOWERINGS", "Lowerer", "lowers"]
