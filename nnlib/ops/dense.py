"""The affine map."""

import jax
import jax.numpy as jnp

from nnlib.ops.shaping import along_axis


def dense(x: jax.Array, kernel: jax.Array, bias: jax.Array | None = None) -> jax.Array:
    r"""`y = x @ kernel + bias` over the last axis.

    Args:
        x: (..., inputs).
        kernel: (inputs, units).
        bias: (units,) or None.

    Returns:
        (..., units).

    >>> import jax.numpy as jnp
    >>> dense(jnp.ones((2, 3)), jnp.ones((3, 4)), jnp.zeros(4)).shape
    (2, 4)
    """
    y = jnp.matmul(x, kernel)
    return y if bias is None else y + along_axis(bias, y.ndim)
