"""Random zeros and noise."""

import math
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


def alpha_dropout(
    x: jax.Array, key: Any, rate: float, noise_shape: Sequence[int] | None = None
) -> jax.Array:
    r"""SELU's lowest value with probability `rate`; mean 0 and variance 1 are then restored.

    `y = a * (x if kept else p) + b` with `p = -1.7581`, `a = ((1 - rate) * (1 + rate * p^2))^-0.5`
    and `b = -a * p * rate`.

    Args:
        x: any shape; of mean 0 and variance 1, as SELU makes it.
        key: a `jax.random.key`.
        rate: from 0 to below 1.
        noise_shape: of the mask, broadcast against x; x's shape if None.

    Returns:
        x's shape.

    >>> import jax, jax.numpy as jnp
    >>> y = alpha_dropout(jnp.zeros(100), jax.random.key(0), 0.5)
    >>> len(set(y.tolist()))
    2

    Source: Klambauer et al., "Self-normalizing neural networks", NeurIPS 2017.
    """
    lowest = -1.6732632423543772 * 1.0507009873554805
    keep = jax.random.bernoulli(key, 1 - rate, x.shape if noise_shape is None else noise_shape)
    a = ((1 - rate) * (1 + rate * lowest**2)) ** -0.5
    return (a * jnp.where(keep, x, lowest) - a * lowest * rate).astype(x.dtype)


def gaussian_dropout(x: jax.Array, key: Any, rate: float) -> jax.Array:
    r"""`y = x * n` with n normal of mean 1 and variance `rate / (1 - rate)`, as Dropout's noise is.

    Args:
        x: any shape.
        key: a `jax.random.key`.
        rate: from 0 to below 1.

    Returns:
        x's shape.

    >>> import jax, jax.numpy as jnp
    >>> gaussian_dropout(jnp.zeros(2), jax.random.key(0), 0.5).tolist()
    [0.0, 0.0]

    Source: Srivastava et al., JMLR 2014, section 10.
    """
    noise = jax.random.normal(key, x.shape, x.dtype)
    return x * (1 + math.sqrt(rate / (1 - rate)) * noise)


def gaussian_noise(x: jax.Array, key: Any, stddev: float) -> jax.Array:
    r"""`y = x + n` with n normal of mean 0.

    Args:
        x: any shape.
        key: a `jax.random.key`.
        stddev: of the noise.

    Returns:
        x's shape.

    >>> import jax, jax.numpy as jnp
    >>> gaussian_noise(jnp.ones(2), jax.random.key(0), 0.0).tolist()
    [1.0, 1.0]
    """
    return x + stddev * jax.random.normal(key, x.shape, x.dtype)
