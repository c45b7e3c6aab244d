"""Random zeros."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp


def dropout(
    x: jax.Array, key: Any, rate: float, noise_shape: Sequence[int] | None = None
) -> jax.Array:
    """Zero with probability `rate`, and the rest scaled by `1 / (1 - rate)`: the mean stays.

    Args:
        x: any shape.
        key: a `jax.random.key`.
        rate: from 0 to 1.
        noise_shape: of the mask, broadcast against x; x's shape if None.

    Returns:
        x's shape.

    >>> import jax, jax.numpy as jnp
    >>> y = dropout(jnp.ones(100), jax.random.key(0), 0.5)
    >>> sorted(set(y.tolist()))
    [0.0, 2.0]

    Source: Srivastava et al., JMLR 2014.
    """
    if rate == 0:
        return x
    if rate == 1:
        return jnp.zeros_like(x)
    keep = jax.random.bernoulli(key, 1 - rate, x.shape if noise_shape is None else noise_shape)
    return jnp.where(keep, x / (1 - rate), 0).astype(x.dtype)
