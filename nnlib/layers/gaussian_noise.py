"""GaussianNoise: normal noise on top."""

from typing import Any

import jax

from nnlib.core.layer import Layer
from nnlib.layers.checks import fraction
from nnlib.layers.dropout import checked_seed, seeded
from nnlib.ops.dropout import gaussian_noise


class GaussianNoise(Layer):
    """`x + n`, n normal of mean 0; only while training.

    Args:
        stddev: of the noise, from 0 to 1.
        seed: an integer mixed into the key of the call; draws still differ from step to step.

    Call arguments:
        key: a `jax.random.key` to draw with, needed inside vmap or scan.

    Input shape:
        Any.

    Output shape:
        The input's.

    Raises:
        RandomKeyError: while training without a key (`apply(..., rng=jax.random.key(0))`).

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.GaussianNoise(0.5)(jnp.ones(3)).tolist()
    [1.0, 1.0, 1.0]
    """

    supports_masking = True

    def __init__(self, stddev: float, seed: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.stddev = fraction("GaussianNoise", "stddev", stddev)
        self.seed = checked_seed("GaussianNoise", seed)

    def call(self, x: jax.Array, training: bool = False, key: Any = None) -> jax.Array:
        if not training or self.stddev == 0:
            return x
        key = self.next_key() if key is None else key
        return gaussian_noise(x, seeded(key, self.seed), self.stddev)
