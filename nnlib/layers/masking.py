"""Masking: steps that hold nothing but padding."""

from typing import Any

import jax
import jax.numpy as jnp

from nnlib.core.layer import Layer
from nnlib.core.specs import InputSpec
from nnlib.layers.checks import number


class Masking(Layer):
    """Steps whose features all equal `mask_value` are masked and set to 0; the rest passes.

    Args:
        mask_value: what padding is made of.

    Input shape:
        (batch, ..., features), mostly (batch, time, features).

    Output shape:
        The input's; its mask is (batch, ...), True for steps that count.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.Masking(-1.0)(jnp.array([[[2.0], [-1.0]]])).tolist()
    [[[2.0], [0.0]]]
    """

    supports_masking = True

    def __init__(self, mask_value: float = 0.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.mask_value = number("Masking", "mask_value", mask_value)
        self.input_spec = InputSpec(min_ndim=1)

    def call(self, x: jax.Array) -> jax.Array:
        return jnp.where(self.compute_mask(x)[..., None], x, 0)

    def compute_mask(self, inputs: jax.Array, mask: Any = None) -> jax.Array:
        """True for the steps that differ from `mask_value` somewhere."""
        return jnp.any(inputs != self.mask_value, -1)
