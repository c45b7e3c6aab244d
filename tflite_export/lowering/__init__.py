"""Lowering: one function for each JAX primitive, found in `LOWERINGS` by its name."""

from . import (  # noqa: F401  (importing them registers their lowerings)
    conditional,
    convolution,
    elementwise,
    gather,
    logic,
    loops,
    matmul,
    pooling,
    reduction,
    scan,
    shape,
    slicing,
)
from .lowerer import Lowerer
from .registry import LOWERINGS, lowers

__all__ = ["LOWERINGS", "Lowerer", "lowers"]
