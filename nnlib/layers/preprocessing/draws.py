"""Random numbers that layers over images share."""

from typing import Any

import jax
import jax.numpy as jnp

from nnlib.layers.preprocessing.arguments import Range


def uniform(key: Any, shape: Any, ends: Range) -> jax.Array:
    """float32 numbers of a range; of a range without width, its one number."""
    return jax.random.uniform(key, shape, "float32", ends[0], ends[1])


def by_chance(key: Any, count: Any, factor: Range) -> jax.Array:
    """(count,) truths: each with a probability that is itself drawn from the range `factor`."""
    for_probability, for_choice = jax.random.split(key)
    probability = uniform(for_probability, (count,), factor)
    return jax.random.uniform(for_choice, (count,), "float32") < probability


def symmetric_beta(key: Any, alpha: Any, count: Any) -> jax.Array:
    """(count,) numbers of the distribution Beta(alpha, alpha)."""
    # As jax.random.beta, but its two gammas are one draw, which takes half as long to compile.
    logs = jax.random.loggamma(key, alpha, (2, count), "float32")
    return jax.nn.sigmoid(logs[0] - logs[1])


def windows(key: Any, shares: jax.Array, height: Any, width: Any) -> jax.Array:
    """Rectangles at random places, as (count, height, width, 1) truths: which pixels lie within.

    Args:
        key: a `jax.random.key`.
        shares: (count, 2), what they take of the width and of the height.
        height: of the image, in pixels.
        width: likewise.
    """
    for_x, for_y = jax.random.split(key)
    columns, rows = _span(for_x, shares[:, 0], width), _span(for_y, shares[:, 1], height)
    return (rows[:, :, None] & columns[:, None, :])[..., None]


def _span(key: Any, share: jax.Array, length: Any) -> jax.Array:
    """(count, length): which places lie in a piece of that share of the length."""
    size = share * jnp.asarray(length, "float32")
    start = jax.random.uniform(key, share.shape, "float32") * (length - size)
    place = jnp.arange(length, dtype="float32")[None, :]
    return (place >= start[:, None]) & (place < (start + size)[:, None])
