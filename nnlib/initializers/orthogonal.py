"""Weights that turn vectors without stretching them."""

import math
from typing import Any

import jax
import jax.numpy as jnp

from nnlib.core.errors import ShapeError
from nnlib.core.registries import initializers
from nnlib.initializers.draws import normal
from nnlib.initializers.initializer import Initializer, Seed, Shape, check_number, check_seed


@initializers.register("orthogonal", "OrthogonalInitializer")
class Orthogonal(Initializer):
    """`gain` times a matrix with orthonormal rows or columns; leading axes are flattened.

    Args:
        gain: a factor.
        seed: None for a key by path.

    >>> q = Orthogonal()((4, 2))
    >>> (abs(q.T @ q).round(3)).tolist()
    [[1.0, 0.0], [0.0, 1.0]]

    Source: Saxe et al., ICLR 2014.
    """

    def __init__(self, gain: float = 1.0, seed: Seed = None):
        self.gain = check_number("Orthogonal", "gain", gain)
        self.seed = check_seed("Orthogonal", seed)

    def sample(self, key: Any, shape: Shape, dtype: Any) -> jax.Array:
        if len(shape) < 2:
            raise ShapeError(f"Orthogonal: expected at least 2 axes, got the shape {shape}.")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        wide = rows < columns
        tall = (columns, rows) if wide else (rows, columns)
        exact = jnp.promote_types(dtype, jnp.float32)  # there is no QR of 16-bit floats
        q, r = jnp.linalg.qr(normal(self.own_key(key), tall, exact, 0.0, 1.0))
        # QR leaves signs open; these make every orthogonal matrix as likely.
        q = q * jnp.expand_dims(jnp.sign(jnp.diagonal(r)), 0)
        return (self.gain * jnp.reshape(q.T if wide else q, shape)).astype(dtype)
