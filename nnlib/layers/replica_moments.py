"""Mean and variance of rows that are spread over replicas, each seeing its own alone."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from nnlib.core.scope import mapped_axis
from nnlib.ops.normalization import moments


def replica_moments(
    x: jax.Array, axes: Sequence[int], where: jax.Array | None = None
) -> tuple[jax.Array, jax.Array]:
    """`moments` over the rows of all replicas, in a function that `strategy.run` runs.

    Args:
        x: of this replica; see `moments`.
        axes: what is averaged over.
        where: 0 or False for elements that must not count.

    >>> import jax.numpy as jnp
    >>> [float(v) for v in replica_moments(jnp.array([1.0, 3.0]), (0,))]
    [2.0, 1.0]
    """
    mean, variance = moments(x, axes, where)
    replicas = mapped_axis()
    if replicas is None:
        return mean, variance
    counts = jnp.ones((), bool) if where is None else where > 0
    counts = jnp.expand_dims(counts, tuple(range(counts.ndim, x.ndim)))
    count = jnp.sum(jnp.broadcast_to(counts, x.shape), tuple(axes)).astype(mean.dtype)
    total = jnp.maximum(jax.lax.psum(count, replicas), 1)
    whole = jax.lax.psum(count * mean, replicas) / total
    squares = count * (variance + jnp.square(mean - whole))
    return whole, jax.lax.psum(squares, replicas) / total
