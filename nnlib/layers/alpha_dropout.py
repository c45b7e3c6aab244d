"""AlphaDropout: dropout for networks of SELUs."""

from typing import Any

import jax

from nnlib.layers.dropout import Dropout, checked_rate_below_one
from nnlib.ops.dropout import alpha_dropout


class AlphaDropout(Dropout):
    """SELU's lowest value with probability `rate`, mean 0 and variance 1 kept; only while training.

    Args:
        rate: the probability of a drop, from 0 to below 1.
        noise_shape: of the mask, as for Dropout.
        seed: an integer mixed into the key of the call; draws still differ from step to step.

    Call arguments:
        key: a `jax.random.key` to draw with, needed inside vmap or scan.

    Input shape:
        Any.

    Output shape:
        The input's.

    Raises:
        ShapeError: if the input has not as many axes as `noise_shape`.
        RandomKeyError: while training without a key (`apply(..., rng=jax.random.key(0))`).

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.AlphaDropout(0.5)(jnp.ones(3)).tolist()
    [1.0, 1.0, 1.0]

    Source: Klambauer et al., "Self-normalizing neural networks", NeurIPS 2017.
    """

    def __init__(
        self, rate: float, noise_shape: Any = None, seed: int | None = None, **kwargs: Any
    ):
        checked_rate_below_one("AlphaDropout", rate)
        super().__init__(rate, noise_shape, seed, **kwargs)

    def drop(self, x: jax.Array, key: Any) -> jax.Array:
        """The input with random lowest values, scaled and shifted."""
        return alpha_dropout(x, key, self.rate, self.noise_dims(x))
