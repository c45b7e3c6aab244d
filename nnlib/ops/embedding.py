"""Rows of a table by number."""

import jax
import jax.numpy as jnp

from nnlib.ops.partitioning import is_gathered


def embedding(ids: jax.Array, table: jax.Array) -> jax.Array:
    """`y[...] = table[ids[...]]`. Ids beyond the table give its first or last row.

    Args:
        ids: integers from 0 to rows - 1, any shape.
        table: (rows, features).

    Returns:
        (*ids.shape, features).

    >>> import jax.numpy as jnp
    >>> embedding(jnp.array([1, 0]), jnp.array([[1.0, 2.0], [3.0, 4.0]])).tolist()
    [[3.0, 4.0], [1.0, 2.0]]
    """
    if not jnp.issubdtype(ids.dtype, jnp.integer):
        ids = ids.astype(jnp.int32)
    dtype = table.dtype
    if jnp.issubdtype(dtype, jnp.floating) and dtype.itemsize < 4 and not is_gathered():
        # A row that is read often sums many gradients, which 16 bits would lose from the 256th on.
        table = table.astype(jnp.float32)
    # Clipping is part of the gather itself; wrapping negative ids would take a select before it.
    return table.at[ids].get(mode="clip", wrap_negative_indices=False).astype(dtype)
