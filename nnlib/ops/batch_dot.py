"""Products of arrays, row by row of the batch."""

import jax


def batch_dot(x: jax.Array, y: jax.Array, axes: tuple[int, int]) -> jax.Array:
    r"""`z[b, i.., j..] = sum_k x[b, i.., k] * y[b, j.., k]`, with k along `axes`.

    Args:
        x: (batch, ...).
        y: (batch, ...), of x's size where they are summed.
        axes: the axis of x and that of y that are multiplied and summed up; neither is 0.

    Returns:
        (batch, other axes of x, other axes of y); (batch, 1) where there are none.

    >>> import jax.numpy as jnp
    >>> batch_dot(jnp.ones((2, 3, 4)), jnp.ones((2, 5, 4)), (2, 2)).shape
    (2, 3, 5)
    """
    first, second = axes[0] % x.ndim, axes[1] % y.ndim
    product = jax.lax.dot_general(x, y, (((first,), (second,)), ((0,), (0,))))
    return product if product.ndim > 1 else product[:, None]
