"""GaussianDropout: normal noise as a factor."""

from typing import Any

import jax

from nnlib.layers.dropout import Dropout, checked_rate_below_one
from nnlib.ops.dropout import gaussian_dropout


class GaussianDropout(Dropout):
    """`x * n`, n normal of mean 1 and variance `rate / (1 - rate)`; only while training.

    Args:
        rate: from 0 to below 1; the noise has the variance of Dropout's at this rate.
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
    >>> nn.layers.GaussianDropout(0.5)(jnp.ones(3)).tolist()
    [1.0, 1.0, 1.0]

    Source: Srivastava et al., JMLR 2014, section 10.
    """

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any):
        checked_rate_below_one("GaussianDropout", rate)
        super().__init__(rate, None, seed, **kwargs)

    def drop(self, x: jax.Array, key: Any) -> jax.Array:
        """The input times noise."""
        return gaussian_dropout(x, key, self.rate)
