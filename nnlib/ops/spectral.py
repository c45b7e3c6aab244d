"""The largest singular value of a matrix, by power iteration."""

import jax
import jax.numpy as jnp

from nnlib.ops.normalization import unit_norm


def power_iteration(
    matrix: jax.Array, vector: jax.Array, iterations: int = 1
) -> tuple[jax.Array, jax.Array]:
    r"""`v = unit(u W^T)`, `u = unit(v W)` some times over; then `sigma = v W u^T`.

    Gradients go through W in sigma alone; the vectors are constants.

    Args:
        matrix: W, (rows, columns).
        vector: u, (1, columns): a guess at the singular vector, as the last call returned it.
        iterations: at least 1.

    Returns:
        (u, sigma): (1, columns), and a scalar.

    >>> import jax.numpy as jnp
    >>> u, sigma = power_iteration(jnp.diag(jnp.array([3.0, 1.0])), jnp.ones((1, 2)), 20)
    >>> round(float(sigma), 3)
    3.0

    Source: Miyato et al., ICLR 2018.
    """
    fixed = jax.lax.stop_gradient(matrix)
    u = v = jax.lax.stop_gradient(vector)
    for _ in range(iterations):
        v = unit_norm(u @ fixed.T, axis=None, epsilon=1e-7)
        u = unit_norm(v @ fixed, axis=None, epsilon=1e-7)
    return u, jnp.squeeze(v @ matrix @ u.T)
